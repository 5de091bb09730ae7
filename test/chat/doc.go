// Package chat runs the JavaScript with which a subscription turns reports into messages of a
// chat (deploy/terraform/modules/chat) on a report of each outcome.
//
// The texts are in testdata/texts.golden. This writes them anew:
//
//	UPDATE=1 go test ./test/chat
package chat
