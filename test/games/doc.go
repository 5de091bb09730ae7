// Package games holds the promises P2 (never wider), P3 (no lock-out), P4 (no veto),
// P6 (minimal), P7 (stoppable), P8 (reversible), P9 (harm-limited) and P11 (no confused
// deputy) over generated games: an
// adversary with a chosen set of rights makes moves between iapguard's steps, the same
// moves are played in a second local cloud without iapguard, and a referee lets people
// knock at every door of both. Package play draws the games and shrinks those that fail;
// package referee judges, and has the table of P4's bounds. Everything runs in one bubble
// of testing/synctest for each game: the clouds, the function, its queue, its memory and
// the referee have one clock, which goes on when everybody waits.
//
// In two games of five, iapguard checks its callers behind the local cloud's Cloud Run.
// Operators hold, resume and undo, and approvers approve, among publishers, thieves of
// tokens, forgers, and a holder of one secret. There the referee also wants that nobody
// commands, and no report says that somebody did, without that person's own token, and that
// in the mode approve nothing is written but steps of a plan that an approver agreed to who
// did not cause it.
//
//	go test ./test/games -run Games -games 5000 -timeout 0
//	go test ./test/games -run Games -seed 0            (other games each time)
//	go test ./test/games -run Games -seed 7            (the games of one seed; this is the seed of every build)
//	go test ./test/games -run Games -seed 7 -game 31   (one of them, with its trace)
//	go test ./test/games -run Games -seed 7 -game 31 -shrink P2   (made smaller, as long as it breaks P2)
//	go test ./test/games -run Attacks                   (the attacks that worked once, each a game of its own)
//	go test ./test/games -run Mutations -mutations -timeout 0
package games
