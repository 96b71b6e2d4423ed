import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { endpoint, readConnection } from '../../src/jupyter/connection';
import { MAX_CONTENT, Wire } from '../../src/jupyter/wire';

const out = { type: 'stream', content: { text: 'ü' }, parent: {}, metadata: { a: 1 }, buffers: [Uint8Array.of(1, 2)] };
const text = (frame: Uint8Array): string => Buffer.from(frame).toString();

describe('messages on the wire', () => {
  const wire = new Wire('key');

  test('survive encoding and decoding', () => {
    const message = wire.decode(wire.encode([Buffer.from('id')], out));
    expect(message.idents.map(text)).toEqual(['id']);
    expect(message.header).toMatchObject({ msg_type: 'stream', session: wire.session });
    expect(message).toMatchObject({ content: out.content, metadata: out.metadata, parent: {} });
    expect([...message.buffers[0]!]).toEqual([1, 2]);
  });

  test('are signed over header, parent, metadata and content', () => {
    const frames = wire.encode([], out);
    const hmac = createHmac('sha256', 'key');
    for (const frame of frames.slice(2, 6)) hmac.update(frame);
    expect(text(frames[0]!)).toBe('<IDS|MSG>');
    expect(text(frames[1]!)).toBe(hmac.digest('hex'));
  });

  test('are refused when anything signed was changed, or the key is another', () => {
    for (let i = 1; i <= 5; i++) {
      const frames = wire.encode([], out);
      frames[i] = Buffer.from(text(frames[i]!).replace(/[a-z0-9{]/, 'X'));
      expect(() => wire.decode(frames)).toThrow('wrong signature');
    }
    expect(() => new Wire('other').decode(wire.encode([], out))).toThrow('wrong signature');
    const unsigned = wire.encode([], out);
    unsigned[1] = Buffer.alloc(0);
    expect(() => wire.decode(unsigned)).toThrow('wrong signature');
  });

  test('are taken once', () => {
    const receiver = new Wire('key');
    const frames = wire.encode([], out);
    receiver.decode(frames);
    expect(() => receiver.decode(frames)).toThrow('the same message again');
    receiver.decode(wire.encode([], out));
  });

  test('with a content of a hundred megabytes are not read, but can be answered', () => {
    const frames = wire.encode([Buffer.from('id')], { ...out, content: { code: 'x'.repeat(MAX_CONTENT) } });
    const message = wire.decode(frames);
    expect(message).toMatchObject({ content: {}, tooLarge: MAX_CONTENT + 11, header: { msg_type: 'stream' } });
    expect(wire.decode(wire.encode([], out)).tooLarge).toBeUndefined();
  });

  test('without a key need no signature', () => {
    const open = new Wire('');
    const frames = open.encode([], out);
    expect(frames[1]).toHaveLength(0);
    expect(open.decode(frames).content).toEqual(out.content);
  });

  test.each([
    ['nothing', [], 'no <IDS|MSG>'],
    ['no delimiter', ['a', 'b'], 'no <IDS|MSG>'],
    ['too few frames', ['<IDS|MSG>', '', '{}'], 'need 5'],
    ['no JSON', ['<IDS|MSG>', '', '{', '{}', '{}', '{}'], 'JSON'],
    ['a list', ['<IDS|MSG>', '', '[]', '{}', '{}', '{}'], 'not a JSON object'],
    ['an empty header', ['<IDS|MSG>', '', '{}', '{}', '{}', '{}'], 'msg_type'],
  ])('%s is refused', (_, frames, message) => {
    expect(() => new Wire('').decode(frames.map((frame) => Buffer.from(frame)))).toThrow(message);
  });
});

describe('connection files', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'flashlab-connection-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const good = { ip: '127.0.0.1', shell_port: 1, iopub_port: 2, stdin_port: 3, control_port: 4, hb_port: 5, key: 'k' };
  const read = (content: string) => {
    const file = path.join(folder, 'connection.json');
    writeFileSync(file, content);
    return readConnection(file);
  };

  test('say where to listen', () => {
    const connection = read(JSON.stringify(good));
    expect(endpoint(connection, connection.hb_port)).toBe('tcp://127.0.0.1:5');
    expect(endpoint({ ...connection, transport: 'ipc', ip: '/tmp/k' }, 5)).toBe('ipc:///tmp/k-5');
  });

  test.each([
    ['{', 'connection.json'],
    [JSON.stringify({ ...good, hb_port: '5' }), 'hb_port must be an integer'],
    [JSON.stringify({ ...good, signature_scheme: 'hmac-md5' }), 'hmac-sha256'],
    [JSON.stringify({ ...good, transport: 'udp' }), 'transport'],
  ])('are refused with a reason: %s', (content, message) => expect(() => read(content)).toThrow(message));
});
