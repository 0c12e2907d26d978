import { isIPv6 } from 'node:net';
import { getConnInfo } from '@hono/node-server/conninfo';
import type { Context } from 'hono';

/** The address at the other end of the connection: that of a proxy, where there is one, since its word for another is anybody's. */
export function remoteAddress(c: Context): string {
	// An app that is called without a socket has no environment.
	return (c.env as { incoming?: unknown } | undefined)?.incoming ? (getConnInfo(c).remote.address ?? '') : '';
}

/** What one person holds of addresses: an IPv4 address, or the /64 of an IPv6 one. */
export function networkOf(address: string): string {
	const inner = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
	if (inner !== undefined) return inner;
	if (!isIPv6(address)) return address;
	const [head = '', tail] = (address.split('%')[0] as string).split('::');
	const groups = (text: string | undefined) => (text ? text.split(':') : []);
	const first = groups(head);
	const last = groups(tail);
	const whole = tail === undefined ? first : [...first, ...Array<string>(8 - first.length - last.length).fill('0'), ...last];
	return `${whole.slice(0, 4).join(':')}::/64`;
}
