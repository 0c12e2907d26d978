import type { FileInfo, RunDetail, RunInfo } from '../../../src/core/query.ts';
import { Icon } from '../components/icon.tsx';
import { LoadingLine, Message } from '../components/message.tsx';
import { formatAgo, formatBytes, isoTitle, NOTHING } from '../format.ts';
import type { ProjectState } from '../state/project-state.ts';

/** All files of a run, those that are still on the device included. */
export function RunFiles({ state, run, detail }: { state: ProjectState; run: RunInfo; detail: RunDetail | undefined }) {
	if (!detail) return <LoadingLine>Loading the files</LoadingLine>;
	if (detail.files.length === 0)
		return <Message title="No files">Images and other media that the run logs are listed here, and what any W&B client uploads.</Message>;
	const files = [...detail.files].sort((a, b) => a.path.localeCompare(b.path, 'en', { numeric: true }));
	return (
		<div class="scroll">
			<table class="tbl files" aria-label="Files">
				<thead>
					<tr>
						<th scope="col">file</th>
						<th scope="col" class="num">
							size
						</th>
						<th scope="col" class="num">
							arrived
						</th>
						<th scope="col">
							<span class="vh">download</span>
						</th>
					</tr>
				</thead>
				<tbody>
					{files.map((file) => (
						<FileRow key={file.path} file={file} run={run} url={state.query.fileUrl(state.project, run.id, file.path)} />
					))}
				</tbody>
			</table>
		</div>
	);
}

function FileRow({ file, run, url }: { file: FileInfo; run: RunInfo; url: string }) {
	const slash = file.path.lastIndexOf('/') + 1;
	const name = file.path.slice(slash);
	const isHere = file.uploadedMs !== undefined;
	return (
		<tr data-testid="file-row">
			<td class="path" title={file.path}>
				<span class="dim">{file.path.slice(0, slash)}</span>
				{isHere ? (
					<a href={url} target="_blank" rel="noreferrer">
						{name}
					</a>
				) : (
					name
				)}
			</td>
			<td class="num">{formatBytes(file.sizeBytes)}</td>
			<td class="num mid">
				{file.uploadedMs !== undefined ? (
					<span title={isoTitle(file.uploadedMs)}>{formatAgo(file.uploadedMs, Date.now())}</span>
				) : (
					<span class="warn" title={`Last heard of the device at ${isoTitle(run.heartbeatMs)}`}>
						still on the device
					</span>
				)}
			</td>
			<td class="get">
				{isHere ? (
					<a class="ib" href={url} download={name} aria-label={`Download ${name}`}>
						<Icon name="download" />
					</a>
				) : (
					NOTHING
				)}
			</td>
		</tr>
	);
}
