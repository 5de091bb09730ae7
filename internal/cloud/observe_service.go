package cloud

import (
	"context"

	"github.com/iapguard/iapguard/internal/fault"
)

// readService reads the service itself; gone is its error where there is no such
// service.
func (o *observation) readService(ctx context.Context) (gone, err error) {
	if o.p.Service, err = o.run.Service(ctx, o.p.Target); fault.ActionOf(err) == fault.Gone {
		return err, nil
	}
	return nil, err
}

func (o *observation) readInvokers(ctx context.Context) (err error) {
	o.p.Invokers, err = o.run.Policy(ctx, o.p.Target)
	return err
}

// readDomains reads the domain mappings. They are optional: the same settings
// close them as close the default URL, whose door is known.
func (o *observation) readDomains(ctx context.Context) error {
	domains, err := o.run.Domains(ctx, o.p.Target)
	if err = o.unread.optional(o.p.Target.DomainsResource(), err); err != nil {
		return err
	}
	o.p.Domains, o.p.DomainsUnread = domains, o.unread.why(o.p.Target.DomainsResource())
	return nil
}
