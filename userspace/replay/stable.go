package replay

// Stable reports whether payloads stay valid until Close, as Options.Stable asked.
func (s *Source) Stable() bool { return s.opt.Stable }
