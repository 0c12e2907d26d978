import { expect, it } from 'vitest';
import { cpuTimes, diskBytes, memoryBytes, networkBytes } from '../../agent/src/sampler/proc.ts';

it('CPU time is busy but for idle and waiting; guests are in user time already', () => {
	expect(cpuTimes('cpu  100 10 50 800 40 5 5 0 90 9\ncpu0 1 2 3 4 5 6 7 8 9 10\n')).toEqual({ total: 1010, busy: 170 });
	expect(cpuTimes('intr 5\n')).toBeUndefined();
});

it('memory is in bytes', () => {
	expect(memoryBytes('MemTotal:       1000 kB\nMemAvailable:    250 kB\nHugePages_Total:       0\n')).toEqual({
		MemTotal: 1_024_000,
		MemAvailable: 256_000,
	});
});

it('network sums all devices but the loopback', () => {
	const text =
		'Inter-|   Receive                                                |  Transmit\n face |bytes    packets errs\n    lo: 999 1 0 0 0 0 0 0 999 1 0 0 0 0 0 0\n  eth0: 100 1 0 0 0 0 0 0 20 1 0 0 0 0 0 0\nwlan0:1 1 0 0 0 0 0 0 2 1 0 0 0 0 0 0\n';
	expect(networkBytes(text)).toEqual({ received: 101, sent: 22 });
});

it('disks count whole devices in bytes', () => {
	const text = '   8       0 sda 10 0 100 5 20 0 200 6 0 7 8\n   8       1 sda1 9 0 90 5 19 0 190 6 0 7 8\n';
	expect([...diskBytes(text, ['sda'])]).toEqual([['sda', { read: 51_200, written: 102_400 }]]);
});
