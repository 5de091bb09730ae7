// Package workqueue runs keyed work: an item names a key, and a look at that key
// handles the item together with whatever else waits for it.
//
// A look reads the current state, so it does not matter which item leads to it.
// That makes five effects possible, which package conformance tests on every form
// of the queue:
//
//   - One at a time. No two looks at one key overlap in one process. Looks at
//     different keys run side by side.
//   - Not before. A look can ask for another one at a later time. Waits of up to
//     HoldAtMost are held in the delivery, longer ones become due records (Later),
//     and without a place for records the sender delivers the item again.
//   - Together. Items of one key that have to wait are handled by the next look at
//     it, whether they wait for the key's time or for a look that is going on. What was
//     accepted after the last look began waits for BlindAtMost only. A sender that keeps
//     an order does not deliver it then, so that a long wait is held in parts, with a look
//     after each. Another process knows nothing of that look and makes one more, which
//     finds nothing to do. Items that are Alone, such as commands, each get their own look.
//   - Give up. When an item is first accepted, the time until which it is tried is
//     fixed. Further deliveries do not move it.
//   - Apart. An item that has to wait or fails affects no other item of the same
//     event.
//
// A Worker has these effects for the items that are delivered to it. The forms of
// the queue differ in how an item gets there: Inline delivers it before Add
// returns, so that the sender of the event redelivers; the Pub/Sub form (package
// cloud/topic) publishes a message that is pushed to a Worker.
//
// What a Worker remembers is bounded, belongs to one process and only saves looks.
// What must outlive the process is in the item, in the sender's hands or in a due
// record.
package workqueue
