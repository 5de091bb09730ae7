package dataplane

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// assertionHeader is where IAP names to the application who passed it
// (iap/docs/signed-headers-howto).
const assertionHeader = "X-Goog-Iap-Jwt-Assertion"

// assertionLife is how long an assertion is valid: "iat + 10 minutes" with
// allowance for skew (iap/docs/signed-headers-howto).
const assertionLife = 10 * time.Minute

// claims are the parts of a token that are used here.
type claims struct {
	Issuer   string `json:"iss"`
	Audience string `json:"aud"`
	Email    string `json:"email,omitempty"`
	Subject  string `json:"sub,omitempty"`
	Issued   int64  `json:"iat"`
	Expires  int64  `json:"exp"`
}

// visitorClaims say who passed IAP.
func visitorClaims(r request, g gate, passed member) claims {
	c := claims{Issuer: "https://cloud.google.com/iap", Audience: g.audience, Email: passed.email(),
		Issued: r.at.Unix(), Expires: r.at.Add(assertionLife).Unix()}
	if passed != "" {
		c.Subject = issuerOf(passed, g) + ":" + subject(passed)
	}
	if passed.external() {
		c.Email = issuerOf(passed, g) + ":" + passed.email()
	}
	return c
}

// agentClaims say to Cloud Run that IAP's agent calls.
func agentClaims(r request, agent member) claims {
	return claims{
		Issuer: "https://accounts.google.com", Audience: "https://" + r.host, Email: agent.email(),
		Subject: subject(agent), Issued: r.at.Unix(), Expires: r.at.Add(time.Hour).Unix(),
	}
}

// unsigned is a JSON Web Token with algorithm "none" and an empty signature:
// nobody could verify one of Google's here.
func unsigned(c claims) string {
	body, err := json.Marshal(c)
	if err != nil {
		panic(err) // unreachable: strings and numbers always marshal
	}
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + encode(body) + "."
}

// audienceIn is the audience of a token, as an application reads it that does
// not verify it; "" where it is none.
func audienceIn(token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return ""
	}
	body, err := base64.RawURLEncoding.DecodeString(parts[1])
	var read claims
	if err != nil || json.Unmarshal(body, &read) != nil {
		return ""
	}
	return read.Audience
}

// subject is a 21-digit id of somebody, the same at every request.
func subject(who member) string {
	sum := sha256.Sum256([]byte(who))
	return fmt.Sprintf("1%020d", binary.BigEndian.Uint64(sum[:]))
}
