import { expect, test } from "vitest";
import { csv } from "./csv";

test("what a spreadsheet would run begins with an apostrophe, and numbers stay numbers", () => {
  const row = ["=1+1", "+cmd", "-cmd", "@sum", "\tx", "-1.5", "+2", "-1e-7", -3, "plain", undefined];
  expect(csv(["a"], [row])).toBe("a\r\n'=1+1,'+cmd,'-cmd,'@sum,'\tx,-1.5,+2,-1e-7,-3,plain,\r\n");
});

test("quotes, commas and lines stay within their cell", () => {
  expect(csv(["a,b"], [['say "hi"', "x\ny", "=a,b"]])).toBe('"a,b"\r\n"say ""hi""","x\ny","\'=a,b"\r\n');
});
