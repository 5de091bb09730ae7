//go:build deployed

package report

import "errors"

// Read refuses every report: nobody has a file of them in the deployed image. To compile their schema
// takes a third of all that initialises when an instance starts.
func Read([]byte) (Report, error) {
	return Report{}, errors.New("the image of the function reads no reports: use the released iapguard")
}
