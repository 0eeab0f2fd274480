import type { Command, OptionValues } from "@commander-js/extra-typings";
import type { Server } from "../client/index.ts";
import { networkFor } from "./registries.ts";
import type { Session } from "./session.ts";
import { how } from "./verb.ts";

/** Adds the option that names a server whose runs or jobs are meant, instead of those of this machine. */
export function withServer<Arguments extends unknown[], Options extends OptionValues>(
  command: Command<Arguments, Options>,
) {
  return command.addOption(
    how.common(
      "--server <url>",
      "ask this server instead; its token is in $WAYBILL_TOKEN, or in $WAYBILL_TOKEN_FILE",
    ),
  );
}

/** Adds it where there is no other way. */
export function withServerAlone<Arguments extends unknown[], Options extends OptionValues>(
  command: Command<Arguments, Options>,
) {
  return command.addOption(
    how
      .common("--server <url>", "the server; its token is in $WAYBILL_TOKEN, or in $WAYBILL_TOKEN_FILE")
      .makeOptionMandatory(),
  );
}

/** Works with a server. Nothing of it is asked before the work does. */
export async function withConnection<Result>(
  session: Session,
  url: string,
  work: (server: Server) => Promise<Result>,
): Promise<Result> {
  const { openServer, serverToken } = await import("../client/index.ts");
  const network = await networkFor(session);
  const server = openServer({ url, token: await serverToken(session.env), network });
  try {
    return await work(server);
  } finally {
    await server.close();
  }
}
