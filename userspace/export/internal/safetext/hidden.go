package safetext

// hidden lists the code points at and above U+0080 that act without being
// seen, as closed ranges in order: C1, format characters (general category
// Cf), separators Zl and Zp, everything that is default-ignorable, and
// noncharacters of the first plane. It is written down, not taken from package
// unicode, so that the output does not change with the version of Go; a test
// says that it covers what package unicode knows.
var hidden = [...][2]rune{
	{0x0080, 0x009f},                       // C1 controls
	{0x00ad, 0x00ad},                       // soft hyphen
	{0x034f, 0x034f},                       // combining grapheme joiner
	{0x0600, 0x0605},                       // Arabic number signs (Cf)
	{0x061c, 0x061c},                       // Arabic letter mark (bidi)
	{0x06dd, 0x06dd},                       // Arabic end of ayah (Cf)
	{0x070f, 0x070f},                       // Syriac abbreviation mark (Cf)
	{0x0890, 0x0891},                       // Arabic pound and piastre marks (Cf)
	{0x08e2, 0x08e2},                       // Arabic disputed end of ayah (Cf)
	{0x115f, 0x1160},                       // Hangul fillers
	{0x17b4, 0x17b5},                       // Khmer inherent vowels
	{0x180b, 0x180f},                       // Mongolian variation selectors and vowel separator
	{0x200b, 0x200f},                       // zero width; left-to-right and right-to-left marks
	{0x2028, 0x202e},                       // line and paragraph separators; bidi embeddings and overrides
	{0x2060, 0x206f},                       // word joiner, invisible operators, bidi isolates
	{0x3164, 0x3164},                       // Hangul filler
	{0xfdd0, 0xfdef},                       // noncharacters
	{0xfe00, 0xfe0f},                       // variation selectors
	{0xfeff, 0xfeff},                       // byte order mark
	{0xffa0, 0xffa0},                       // halfwidth Hangul filler
	{0xfff0, 0xfffb},                       // unassigned ignorables; interlinear annotation
	{0xfffe, 0xffff},                       // noncharacters
	{0x110bd, 0x110bd}, {0x110cd, 0x110cd}, // Kaithi number signs (Cf)
	{0x13430, 0x1343f}, // Egyptian hieroglyph format controls
	{0x1bca0, 0x1bca3}, // shorthand format controls
	{0x1d173, 0x1d17a}, // musical format controls
	{0xe0000, 0xe0fff}, // tags, variation selectors supplement
}

// isHidden reports whether r, which is at least 0x80, acts without being seen.
func isHidden(r rune) bool {
	low, high := 0, len(hidden)
	for low < high {
		mid := (low + high) / 2
		switch {
		case r > hidden[mid][1]:
			low = mid + 1
		case r < hidden[mid][0]:
			high = mid
		default:
			return true
		}
	}
	return false
}
