/** Version of the Jupyter messaging protocol that this kernel speaks. */
export const PROTOCOL_VERSION = '5.5';

/** A JSON object whose fields have not been checked. */
export type Json = Record<string, unknown>;

/** Who sent a message, in which session, and what it is. */
export interface Header {
  msg_id: string;
  session: string;
  username: string;
  date: string;
  msg_type: string;
  version: string;
}

/** A message as it stands on the wire, decoded. */
export interface Message {
  /** Routing prefix that a reply must carry back (ROUTER sockets), or the topic (iopub). */
  idents: Uint8Array[];
  header: Header;
  /** Header of the request that caused this message; empty where there is none. */
  parent: Header | Record<string, never>;
  metadata: Json;
  content: Json;
  buffers: Uint8Array[];
  /** Bytes of a content that was too large to be read; it is then {}. */
  tooLarge?: number;
}

/** The sockets that carry requests and replies. */
export type Channel = 'shell' | 'control' | 'stdin';

/** MIME types to representations; a representation is text, base64 text or JSON. */
export type MimeBundle = Record<string, unknown>;

/** Content of an `error` message and of a failed reply. */
export interface ErrorContent {
  ename: string;
  evalue: string;
  traceback: string[];
}

/** What a request leads to besides its reply. */
export interface Outgoing {
  type: string;
  content: Json;
  parent: Header | Record<string, never>;
  metadata?: Json;
  buffers?: Uint8Array[];
}
