package cloud

import "context"

// readService reads the service itself. Only its own 404 says that there is no such
// service.
func (o *observation) readService(ctx context.Context) {
	service, err := o.service(ctx, o.p.Target)
	o.p.Service, o.p.ServiceUnread = service, o.unread.needed(o.p.Target.Name(), err)
}

func (o *observation) readInvokers(ctx context.Context) {
	policy, err := o.invokers(ctx, o.p.Target)
	policy.Unread = o.unread.needed(o.p.Target.Name(), err)
	o.p.Invokers = policy
}

// readDomains reads the domain mappings. They are optional: the same settings
// close them as close the default URL, whose door is known.
func (o *observation) readDomains(ctx context.Context) {
	var err error
	o.p.Domains, err = o.domains(ctx, o.p.Target)
	o.p.DomainsUnread = o.unread.additional(o.p.Target.DomainsResource(), err)
}
