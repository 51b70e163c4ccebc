/** An identity provider for the tests: a certified one from npm, on this machine, with people in groups. */
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import Provider from "oidc-provider";
import type { Page } from "playwright-core";

const SCOPES = "openid profile groups";
const SECRET = "between-the-two";

export interface Company {
  issuer: string;
  /** What it says with each of its pages, beside what it says anyway. */
  headers: Record<string, string>;
  /** The settings of a server that trusts it, whose page is at this address. */
  settings: (page: string) => NodeJS.ProcessEnv;
  end: () => Promise<void>;
}

/** `groups` are those of each person. The server's page is told to it when the server's settings are asked for. */
export async function company(groups: Record<string, string[]>, roles: string): Promise<Company> {
  let handle: ReturnType<Provider["callback"]> | undefined;
  const headers: Record<string, string> = {};
  const server = createServer((request, answer) => {
    for (const [name, value] of Object.entries(headers)) answer.setHeader(name, value);
    void handle?.(request, answer);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  // By name, so that it is another site than the page, which goes by its number.
  const issuer = `http://localhost:${(server.address() as AddressInfo).port}`;

  const settings = (page: string) => {
    const provider = new Provider(issuer, {
      clients: [
        {
          client_id: "pot",
          client_secret: SECRET,
          redirect_uris: [`${page}/session/callback`],
          require_auth_time: true,
        },
      ],
      scopes: SCOPES.split(" "),
      claims: { openid: ["sub"], profile: ["preferred_username"], groups: ["groups"] },
      conformIdTokenClaims: false,
      pkce: { required: () => true },
      cookies: { keys: ["only for tests"] },
      findAccount: (_: unknown, id: string) => ({ accountId: id, claims: () => ({ sub: id, preferred_username: id, groups: groups[id] ?? [] }) }),
      // Nobody is asked whether the server may know a name: it is the company's own.
      loadExistingGrant: async (context: { oidc: { client: { clientId: string }; session: { accountId: string } } }) => {
        const grant = new provider.Grant({ clientId: context.oidc.client.clientId, accountId: context.oidc.session.accountId });
        grant.addOIDCScope(SCOPES);
        await grant.save();
        return grant;
      },
    });
    handle = provider.callback();
    return {
      HOMEPOT_OIDC_ISSUER: issuer,
      HOMEPOT_OIDC_CLIENT_ID: "pot",
      HOMEPOT_OIDC_CLIENT_SECRET: SECRET,
      HOMEPOT_OIDC_PAGE_URL: page,
      HOMEPOT_OIDC_NAME: "Acme",
      HOMEPOT_OIDC_SCOPES: SCOPES,
      HOMEPOT_OIDC_ROLES: roles,
    };
  };
  const end = async () => {
    server.close();
    server.closeAllConnections();
    await once(server, "close");
  };
  return { issuer, headers, settings, end };
}

/** Says at the provider who one is. It takes any password. */
export async function signInThere(page: Page, who: string): Promise<void> {
  await page.locator("input[name=login]").fill(who);
  await page.locator("input[name=password]").fill("any");
  await page.getByRole("button", { name: /sign-in/i }).click();
}
