import { ProtocolError } from "../base/errors.ts";
import type { PeerMessage } from "../wire/peer_wire.ts";

/**
 * What a neighbour that knows the manifest is told while we do not: we hold nothing.
 *
 * @returns undefined when there is nothing to say
 * @throws {ProtocolError} it answers what was not asked
 */
export function answerBeforeManifest(message: PeerMessage): PeerMessage | undefined {
  switch (message.type) {
    case "HAVE":
      return { type: "HAS", block: message.block, held: false };
    case "REQUEST": {
      const { block, offset, length } = message;
      return { type: "REJECT", block, offset, length, reason: "not held" };
    }
    case "NOT_INTERESTED":
    case "CANCEL":
      return undefined;
    default:
      throw new ProtocolError(`Cannot use ${message.type}: nothing was asked that it could answer`);
  }
}
