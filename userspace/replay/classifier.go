package replay

import "flowscope/sensor"

// Classifier makes records of packets in the place of this package: see
// [Options.Classifier]. The Payload it lends stays valid as long as the packet
// that it is of, at least, and always if it is no part of that.
type Classifier interface {
	// Check returns an error if packets of a link type cannot be classified. It
	// is asked where the link type is known before there is a packet.
	Check(LinkType) error
	// Take takes the next packet, which is lent until its last record was asked
	// for, and reports whether it passes the filter. An error is one of the
	// file, which is not read further.
	Take(*Frame) (passed bool, err error)
	// Next fills r with a record of the packet, and returns false if there are no
	// more.
	Next(r *sensor.Record) bool
	// Finish says that no more packets come.
	Finish() error
	// Account adds what sensor.Accountant says: of each packet what became of it.
	Account(*sensor.Ledger)
}

// take is accept with a Classifier.
func (s *Source) take(f *Frame, r *sensor.Record) bool {
	passed, err := s.opt.Classifier.Take(f)
	if err != nil {
		f.Ordinal--
		s.fail(s.win.offset(), err)
		s.end()
		return false
	}
	if !passed {
		return false
	}
	s.passed++
	if s.opt.Tee != nil {
		s.opt.Tee(f)
	}
	s.pending = true
	return s.opt.Classifier.Next(r)
}

// another fills r with the next record of the last packet, if there is one.
func (s *Source) another(r *sensor.Record) bool {
	if s.opt.Classifier != nil {
		return s.opt.Classifier.Next(r)
	}
	return s.classes.Next(r)
}

func (s *Source) finish() {
	if s.opt.Classifier == nil {
		s.classes.Finish()
		return
	}
	if err := s.opt.Classifier.Finish(); err != nil {
		s.damage.add(err)
	}
}
