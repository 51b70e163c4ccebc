/** What went wrong, in the server's own words. */
import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "~/gen/google/rpc/error_details_pb";

export interface Problem {
  /** One sentence. */
  message: string;
  /** The server's reason for each field at fault, by the field's name in the contract. */
  fields: Record<string, string>;
  /** A word for programs, such as `SIGN_IN_AGAIN`; empty where there is none. */
  reason: string;
  /** Whether the same call may succeed later. */
  isTransient: boolean;
  /** When to try again; `undefined` where the server did not say. */
  retryAfterSeconds: number | undefined;
}

const TRANSIENT = new Set([Code.Unavailable, Code.DeadlineExceeded, Code.Aborted, Code.ResourceExhausted]);

export function problem(error: unknown): Problem {
  const known = ConnectError.from(error);
  const fields: Record<string, string> = {};
  for (const { fieldViolations } of known.findDetails(BadRequestSchema)) {
    for (const { field, description } of fieldViolations) fields[field] = whole(description);
  }
  const retry = known.findDetails(RetryInfoSchema)[0]?.retryDelay;
  return {
    message: sentence(known),
    fields,
    reason: known.findDetails(ErrorInfoSchema)[0]?.reason ?? "",
    isTransient: TRANSIENT.has(known.code),
    retryAfterSeconds: retry === undefined ? undefined : Number(retry.seconds),
  };
}

/** What is left to be said of a problem where each of `fields` tells its own fault; `undefined`: nothing. */
export function besides(told: Problem | undefined, fields: readonly string[]): Problem | undefined {
  const faults = Object.keys(told?.fields ?? {});
  return faults.length > 0 && faults.every((field) => fields.includes(field)) ? undefined : told;
}

function sentence(error: ConnectError): string {
  const isNetwork = error.cause instanceof TypeError;
  if (isNetwork) return "The server can't be reached.";
  if (error.code === Code.DeadlineExceeded) return "The server did not answer in time.";
  if (error.code === Code.Unimplemented) return "The server does not know this call: it is older than this page.";
  return whole(error.rawMessage || "The server gave no reason.");
}

/** As a sentence. */
function whole(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}
