/** Every error a user can meet. Recognise one by `code`: classes do not survive a trip through a worker. */
export type TidelogErrorCode =
	/** A wrong argument; nothing was done. */
	| 'invalid-argument'
	/** The runtime lacks what this release needs; nothing was done. */
	| 'unsupported-runtime'
	/** The local store cannot be used: records are in memory only, and lost with this page or process when they are not sent before. */
	| 'store-unavailable'
	/** The local store refused a write; records wait in memory, and the write is tried again. */
	| 'store-failed'
	/** Records or values were dropped; they are lost. */
	| 'data-dropped'
	/** The writer stopped answering and was started again. Nothing is lost. */
	| 'writer-restarted'
	/** The server will not take what was sent (bad token, no right, another protocol). Sending pauses and is tried again every five minutes; data stay on the device. */
	| 'server-refused'
	/** `resume: 'never'`, and the server has a run of this id. Nothing was sent; `run.sendAs()` sends it under another id. */
	| 'run-exists'
	/** `resume: 'must'`, and there is no run of this id, here or on the server. Nothing was sent; `run.sendAs()` sends it as a new one. */
	| 'run-missing'
	/** The run was deleted on the server. Sending stops for good; the copy on this device stays. */
	| 'run-deleted'
	/** Somebody rewound the run on the server: what this writer had not sent belongs to the part that was cut off. The copy on this device stays. */
	| 'run-rewound'
	/** Another device writes to the same run of a W&B server, where two writers would overwrite each other. Sending stops; data stay on the device. */
	| 'run-shared'
	/** Count or hash of the server's lines differ from those of this device. Data stay on the device. */
	| 'history-differs'
	/** Data that no server has yet are so old that this browser may soon delete them. */
	| 'unsynced-data-old'
	/** A late value went to the W&B server as a row of its own, to be drawn against `tidelog/step`. Nothing is lost. */
	| 'late-value'
	/** Another writer of this run is alive, so the server numbers the steps of this one. Nothing is lost. */
	| 'shared-steps';

export class TidelogError extends Error {
	readonly code: TidelogErrorCode;

	constructor(code: TidelogErrorCode, message: string, options?: ErrorOptions) {
		super(message, options);
		this.name = 'TidelogError';
		this.code = code;
	}
}
