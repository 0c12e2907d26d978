/** Every error a user can meet. Recognise one by `code`: classes do not survive a trip through a worker. */
export type TidelogErrorCode =
	/** A wrong argument; nothing was done. */
	| 'invalid-argument'
	/** The runtime has no Web Worker, so there is nothing to write with. */
	| 'unsupported-runtime'
	/** The local store cannot be used; records are kept in memory only. */
	| 'store-unavailable'
	/** The local store refused a write; records wait in memory. */
	| 'store-failed'
	/** Records or values were dropped; they are lost. */
	| 'data-dropped'
	/** The writer stopped answering and was started again. */
	| 'writer-restarted'
	/** The server answered that it will not take what was sent (bad token, no right, another protocol). Sending pauses; data stay on the device. */
	| 'server-refused';

export class TidelogError extends Error {
	readonly code: TidelogErrorCode;

	constructor(code: TidelogErrorCode, message: string, options?: ErrorOptions) {
		super(message, options);
		this.name = 'TidelogError';
		this.code = code;
	}
}
