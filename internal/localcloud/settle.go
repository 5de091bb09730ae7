package localcloud

// Settle waits until every operation that was started has ended and every log
// entry of it is written. Nobody may call an API meanwhile.
func (c *Cloud) Settle() { c.server.Settle() }
