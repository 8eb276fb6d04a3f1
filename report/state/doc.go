// Package state is the directory in which runs leave what a later run or a
// person needs: the last report, earlier ones, a line of history for each run,
// and what sinks could not take yet.
//
// In go reports; out come files, and they again as reports and entries. The
// package never judges, sends nothing, and never stands in the way of a run: a
// disk that is full, read-only or not ours is an error to tell, and the run
// goes on.
//
//	last-report.json        the last report, as JSON
//	runs/SEQ-RUN.json.gz    whole reports of the last runs
//	spool/SINK/SEQ-RUN.json.gz            what a sink has not taken
//	spool/SINK/SEQ-RUN.json.gz.expired    what it never will; also .rejected
//	history.jsonl           one line for each run; history.1.jsonl before it
//	bad/                    what was not understood, set aside
//	tmp/, lock, spool/SINK.lock
//
// How it keeps its word:
//
//   - A report is complete under its name or not there: it is written in tmp,
//     flushed, and then linked and renamed. A process that dies leaves at most
//     a file in tmp, and half a line at the end of history.jsonl.
//   - Order is SEQ, one above the highest that exists. No clock decides.
//   - Writers hold lock, for milliseconds. A run holds a lock on its own report
//     for as long as it may deliver it, and the lock of a sink while it works on
//     what waits there: a parcel has one carrier. The system frees the locks of
//     a process that dies.
//   - What stands here may have been written by anybody. Links are not followed,
//     files of other users are not read, reading is bounded, and what does not
//     fit is set aside and told.
//   - Everything is bounded, by count and by bytes; the oldest goes first.
package state
