/**
 * Kinds of output of `nvidia-smi --query-gpu=… --format=csv`. `origin` says where each shape was seen: a public report, NVIDIA's documentation, or the behaviour of the
 * driver that we model; the figures are ours. `gpus` is what must be read: W&B's keys by GPU index.
 */
export interface SmiOutput {
	name: string;
	origin: string;
	text: string;
	gpus: Record<number, Record<string, number>>[];
	/** Lines that are told to people. */
	texts?: string[];
	invalidFields?: string[];
	dividedGpus?: number[];
}

const MiB = 2 ** 20;
const full =
	'index, uuid, name, utilization.gpu [%], utilization.memory [%], memory.used [MiB], memory.total [MiB], temperature.gpu, power.draw [W], enforced.power.limit [W], clocks.current.sm [MHz], clocks.current.memory [MHz], clocks.current.graphics [MHz], fan.speed [%], utilization.encoder [%], ecc.errors.corrected.volatile.total, ecc.errors.uncorrected.volatile.total, pcie.link.gen.current, pcie.link.width.current, pcie.link.gen.max, pcie.link.width.max, mig.mode.current, persistence_mode';
const some = 'index, name, utilization.gpu [%], memory.used [MiB], memory.total [MiB], temperature.gpu, power.draw [W], fan.speed [%]';

export const SMI_OUTPUTS: SmiOutput[] = [
	{
		name: 'one data centre GPU, everything told',
		origin: 'header names: nvidia-smi --help-query-gpu (570) and reports of H100 80GB HBM3 with driver 595',
		text: `${full}\n0, GPU-0001, NVIDIA H100 80GB HBM3, 97 %, 41 %, 40960 MiB, 81920 MiB, 61, 350.00 W, 700.00 W, 1980 MHz, 2619 MHz, 1980 MHz, [N/A], 0 %, 0, 0, 5, 16, 5, 16, Disabled, Enabled`,
		gpus: [
			{
				0: {
					gpu: 97,
					memory: 41,
					memoryAllocatedBytes: 40_960 * MiB,
					memoryAllocated: 50,
					temp: 61,
					powerWatts: 350,
					enforcedPowerLimitWatts: 700,
					powerPercent: 50,
					smClock: 1980,
					memoryClock: 2619,
					graphicsClock: 1980,
					encoderUtilization: 0,
					correctedMemoryErrors: 0,
					uncorrectedMemoryErrors: 0,
					pcieLinkGen: 5,
					pcieLinkWidth: 16,
					maxPcieLinkGen: 5,
					maxPcieLinkWidth: 16,
				},
			},
		],
	},
	{
		name: 'eight GPUs, two moments of a loop',
		origin: 'loop mode prints the header once and then one line a GPU and moment (nvidia-smi(1), option -lms)',
		text: ['index, utilization.gpu [%]', ...[1, 2].flatMap((moment) => [...Array(8).keys()].map((i) => `${i}, ${10 * moment + i} %`))].join('\n'),
		gpus: [1, 2].map((moment) => Object.fromEntries([...Array(8).keys()].map((i) => [i, { gpu: 10 * moment + i }]))),
	},
	{
		name: 'a laptop without a fan of its own: [N/A]',
		origin: 'enkore/i3pystatus#776, pmav99/nvsmi#2 (driver 470)',
		text: `${some}\n0, GeForce MX150, 0 %, 0 MiB, 2004 MiB, 44, [N/A], [N/A]`,
		gpus: [{ 0: { gpu: 0, memoryAllocatedBytes: 0, memoryAllocated: 0, temp: 44 } }],
	},
	{
		name: 'an old consumer card: [Not Supported] nearly everywhere',
		origin: 'tutulino/Megaminer#235 (GTX 770), Lurkki14/tuxclocker#15 (GTX 650, driver 410)',
		text: `${some}\n0, GeForce GTX 770, [Not Supported], [Not Supported], [Not Supported], 52, [Not Supported], 52 %`,
		gpus: [{ 0: { temp: 52, fanSpeed: 52 } }],
	},
	{
		name: 'a broken fan: [Unknown Error]',
		origin: 'enkore/i3pystatus#850, and the test of an RTX 2080 Ti in influxdata/telegraf',
		text: `${some}\n0, GeForce RTX 2080 Ti, 10 %, 1074 MiB, 11264 MiB, 32, 24.33 W, [Unknown Error]`,
		gpus: [{ 0: { gpu: 10, memoryAllocatedBytes: 1074 * MiB, memoryAllocated: (100 * 1074) / 11_264, temp: 32, powerWatts: 24.33 } }],
	},
	{
		name: 'ERR! in place of power and fan',
		origin: 'the plain table prints ERR! (public reports since driver 390); seen in CSV by netdata/netdata#4892',
		text: `${some}\n0, GeForce GTX 1080, 3 %, 512 MiB, 8192 MiB, 40, ERR!, ERR!`,
		gpus: [{ 0: { gpu: 3, memoryAllocatedBytes: 512 * MiB, memoryAllocated: 6.25, temp: 40 } }],
	},
	{
		name: 'MIG: no utilisation of the whole GPU',
		origin: 'utkuozdemir/nvidia_gpu_exporter#203 (A800, driver 535)',
		text: 'index, name, utilization.gpu [%], memory.used [MiB], memory.total [MiB], mig.mode.current\n0, NVIDIA A800-SXM4-80GB, [N/A], 20480 MiB, 81920 MiB, Enabled',
		gpus: [{ 0: { memoryAllocatedBytes: 20_480 * MiB, memoryAllocated: 25 } }],
		dividedGpus: [0],
	},
	{
		name: 'a slice of a GPU in a virtual machine',
		origin: 'HSF/prmon#318 (H100L-2-24C)',
		text: 'index, name, clocks.current.sm [MHz], memory.used [MiB], memory.total [MiB]\n0, NVIDIA H100L-2-24C, [N/A], 6144 MiB, 24576 MiB',
		gpus: [{ 0: { memoryAllocatedBytes: 6144 * MiB, memoryAllocated: 25 } }],
	},
	{
		name: 'WSL: lines end with \\r\\n, no fan, power unknown',
		origin: 'dask/distributed#5342, Syllo/nvtop#109 (WSL2 shows N/A by design); line ends as Windows programs write them',
		text: `${some}\r\n0, NVIDIA GeForce RTX 3070, 1 %, 1081 MiB, 8192 MiB, 50, [N/A], [N/A]\r\n`,
		gpus: [{ 0: { gpu: 1, memoryAllocatedBytes: 1081 * MiB, memoryAllocated: (100 * 1081) / 8192, temp: 50 } }],
	},
	{
		name: 'memory shared with the machine',
		origin: 'reports of NVIDIA GB10 (DGX Spark): memory is [N/A] in all three columns',
		text: `${some}\n0, NVIDIA GB10, 96 %, [N/A], [N/A], 58, 31.20 W, [N/A]`,
		gpus: [{ 0: { gpu: 96, temp: 58, powerWatts: 31.2 } }],
	},
	{
		name: 'driver and library do not match',
		origin: 'message of nvidia-smi after an upgrade without a restart (public reports of all drivers)',
		text: 'Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 570.86',
		gpus: [],
		texts: ['Failed to initialize NVML: Driver/library version mismatch', 'NVML library version: 570.86'],
	},
	{
		name: 'no driver is loaded',
		origin: 'message of nvidia-smi where the kernel module is missing',
		text: "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that the latest NVIDIA driver is installed and running.",
		gpus: [],
		texts: [
			"NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that the latest NVIDIA driver is installed and running.",
		],
	},
	{
		name: 'a driver, and no GPU',
		origin: 'message of nvidia-smi in machines whose GPU is switched off or handed on',
		text: 'No devices were found',
		gpus: [],
		texts: ['No devices were found'],
	},
	{
		name: 'permission denied',
		origin: 'message of NVML (NVML_ERROR_NO_PERMISSION) in containers without the devices',
		text: 'Failed to initialize NVML: Insufficient Permissions',
		gpus: [],
		texts: ['Failed to initialize NVML: Insufficient Permissions'],
	},
	{
		name: 'the middle one of three GPUs is lost',
		origin: 'pdbear/syno_nvidia_gpu_driver#22, NVIDIA/dcgm-exporter#604; that the others are still printed: tests of public exporters',
		text: 'index, utilization.gpu [%]\n0, 5 %\nUnable to determine the device handle for GPU0000:02:00.0: Unknown Error\n2, 7 %',
		gpus: [{ 0: { gpu: 5 }, 2: { gpu: 7 } }],
		texts: ['Unable to determine the device handle for GPU0000:02:00.0: Unknown Error'],
	},
	{
		name: 'a GPU falls off the bus between two moments',
		origin: 'message "GPU is lost" of NVML (NVML_ERROR_GPU_IS_LOST); reports with "Reboot the system to recover this GPU"',
		text: 'index, utilization.gpu [%], temperature.gpu\n0, 5 %, 40\n1, 6 %, 41\n0, 5 %, 40\n1, [GPU is lost], [GPU is lost]\n0, 5 %, 40',
		gpus: [{ 0: { gpu: 5, temp: 40 }, 1: { gpu: 6, temp: 41 } }, { 0: { gpu: 5, temp: 40 }, 1: {} }, { 0: { gpu: 5, temp: 40 } }],
	},
	{
		name: 'the same columns in another order',
		origin: 'NVIDIA: "the output of NVSMI is not guaranteed to be backwards compatible" (nvidia-smi(1))',
		text: 'temperature.gpu, fan.speed [%], utilization.gpu [%], index, name\n71, 30 %, 88 %, 0, NVIDIA A10G',
		gpus: [{ 0: { temp: 71, fanSpeed: 30, gpu: 88 } }],
	},
	{
		name: 'older names of columns',
		origin: 'aliases of nvidia-smi --help-query-gpu: gpu_name, gpu_uuid, clocks.sm',
		text: 'index, gpu_uuid, gpu_name, clocks.sm [MHz], clocks.mem [MHz]\n0, GPU-1, Tesla K80, 562 MHz, 2505 MHz',
		gpus: [{ 0: { smClock: 562, memoryClock: 2505 } }],
	},
	{
		name: 'newer columns that nobody asked for',
		origin: 'utkuozdemir/nvidia_gpu_exporter#316 (a new column stopped an exporter for three months)',
		text: 'index, utilization.gpu [%], power.draw.average [W], utilization.ofa [%]\n0, 50 %, 300.00 W, 0 %',
		gpus: [{ 0: { gpu: 50 } }],
	},
	{
		name: 'the header comes again, and differs',
		origin: 'a driver that is replaced under a running loop; modelled',
		text: 'index, utilization.gpu [%], temperature.gpu\n0, 5 %, 40\nindex, temperature.gpu, utilization.gpu [%]\n0, 41, 6 %',
		gpus: [{ 0: { gpu: 5, temp: 40 } }, { 0: { gpu: 6, temp: 41 } }],
	},
	{
		name: 'a field that this driver does not know',
		origin: 'influxdata/telegraf#6573 (driver 376), plambe/zabbix-nvidia-smi-multi-gpu#17',
		text: 'Field "utilization.encoder" is not a valid field to query.\n\n',
		gpus: [],
		invalidFields: ['utilization.encoder'],
	},
	{
		name: 'a locale with a decimal comma',
		origin: 'programs under LC_NUMERIC=de_DE; modelled, since we ask for the C locale and a wrapper may not pass it on',
		text: 'index, power.draw [W], temperature.gpu\n0, 61,50 W, 40',
		gpus: [{ 0: { powerWatts: 61.5, temp: 40 } }],
	},
	{
		name: 'without units in the cells',
		origin: 'nvidia-smi --format=csv,nounits keeps the unit in the header alone',
		text: 'index, utilization.gpu [%], temperature.gpu\n0, 87, 62',
		gpus: [{ 0: { gpu: 87, temp: 62 } }],
	},
	{
		name: 'a name with a comma, in quotes',
		origin: 'tests of public exporters ("NVIDIA GPU, test")',
		text: 'index, name, utilization.gpu [%]\n0, "NVIDIA GPU, test", 75 %',
		gpus: [{ 0: { gpu: 75 } }],
	},
	{
		name: 'a line that breaks off, and figures that cannot be',
		origin: 'a child killed inside a write; 255 % and negative values of drivers that hiccup (public reports)',
		text: 'index, utilization.gpu [%], memory.used [MiB], temperature.gpu\n0, 255 %, -1 MiB, 40\n1, 12 %, 5',
		gpus: [{ 0: { temp: 40 } }],
		texts: ['1, 12 %, 5'],
	},
	{
		name: 'nothing',
		origin: 'a program of that name that prints nothing',
		text: '',
		gpus: [],
	},
];
