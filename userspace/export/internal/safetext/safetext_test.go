package safetext

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	_ "flowscope/internal/testenv" // for its seed
)

// original undoes AppendJSON, given the string that a JSON reader got. cutOf is
// the length of the whole where only its beginning is there, else -1.
func original(t interface{ Fatalf(string, ...any) }, s string) (b []byte, cutOf int) {
	for i := 0; i < len(s); {
		end := i
		for end < len(s) && s[end] == '\\' {
			end++
		}
		n, rest := end-i, s[end:]
		isByte := len(rest) >= 3 && rest[0] == 'x' && isHighNibble(rest[1]) && isNibble(rest[2])
		isCut := strings.HasPrefix(rest, cutMark)
		switch {
		case n == 0:
			b = append(b, s[i])
			i++
		case !isByte && !isCut:
			b = append(b, s[i:end]...)
			i = end
		case n%2 == 0:
			b = append(b, s[i:i+n/2]...)
			i = end
		case isByte:
			v, _ := strconv.ParseUint(rest[1:3], 16, 8)
			b = append(append(b, s[i:i+n/2]...), byte(v))
			i = end + 3
		default:
			b = append(b, s[i:i+n/2]...)
			if _, err := fmt.Sscanf(rest, "[cut of %d bytes]", &cutOf); err != nil {
				t.Fatalf("mark of a cut in %q: %v", s, err)
			}
			return b, cutOf
		}
	}
	return b, -1
}

// hostile draws bytes that are likely to hurt.
func hostile() *rapid.Generator[string] {
	piece := rapid.OneOf(
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 8), func(b []byte) string { return string(b) }),
		rapid.SampledFrom([]string{`\`, `\\`, `\xff`, `\xFF`, `\x8`, `x80`, `\[cut of 9 bytes]`, `[cut of `, "\xff", "\xe2\x80",
			"\x1b[31m", "\u202e", "\u2028", "\ufeff", "\U000e0041", "\u0085", "\"", "\n", "\r\n", "\x00", "\x7f", "é", "日本", "😀", "</script>", "a"}),
		rapid.String(),
	)
	return rapid.Map(rapid.SliceOfN(piece, 0, 12), func(p []string) string { return strings.Join(p, "") })
}

// checkSafe fails if out has a byte or character that must never be written.
func checkSafe(t interface{ Fatalf(string, ...any) }, out []byte) {
	if !utf8.Valid(out) {
		t.Fatalf("invalid UTF-8 in %q", out)
	}
	for _, r := range string(out) {
		if r < 0x20 || r == 0x7f || r >= 0x80 && isHidden(r) {
			t.Fatalf("raw %U in %q", r, out)
		}
	}
}

func TestAppendJSONIsSafeAndReversible(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := hostile().Draw(t, "s")
		limit := rapid.IntRange(0, 80).Draw(t, "limit")
		room := rapid.OneOf(rapid.Just(1<<20), rapid.IntRange(MinRoom, 400)).Draw(t, "room")
		out, cut := AppendJSON([]byte("-"), s, limit, room)
		out = out[1:]
		checkSafe(t, out)
		if len(out) > room {
			t.Fatalf("%d bytes for a room of %d", len(out), room)
		}
		var text string
		if err := json.Unmarshal(out, &text); err != nil {
			t.Fatalf("%q: %v", out, err)
		}
		got, cutOf := original(t, text)
		if cut != (cutOf >= 0) || cut && cutOf != len(s) {
			t.Fatalf("cut = %v, but the text says %d of %d bytes: %q", cut, cutOf, len(s), text)
		}
		if cut && len(got) > limit || !strings.HasPrefix(s, string(got)) || !cut && len(got) != len(s) {
			t.Fatalf("original(%q) = %q, want the beginning of %q", text, got, s)
		}
	})
}

func TestAppendJSON(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"plain text", "GET /index.html", `"GET /index.html"`},
		{"quotes", `say "hi"`, `"say \"hi\""`},
		{"backslashes of a path stay", `\\host\share`, `"\\\\host\\share"`},
		{"line breaks", "a\r\nb\tc", `"a\r\nb\tc"`},
		{"terminal sequence", "\x1b[2J", `"\u001b[2J"`},
		{"raw C1 as UTF-8", "\u009b31m", `"\u009b31m"`},
		{"right-to-left override", "a\u202eb", `"a\u202eb"`},
		{"tag above the first plane", "\U000e0041", `"\udb40\udc41"`},
		{"letters beyond ASCII stay", "bücher.example", `"bücher.example"`},
		{"invalid byte", "a\xffb", `"a\\xffb"`},
		{"text that looks like an invalid byte", `a\xffb`, `"a\\\\xffb"`},
		{"backslash before an invalid byte", "a\\\xff", `"a\\\\\\xff"`},
		{"text that looks like a cut", `\[cut of 9 bytes]`, `"\\\\[cut of 9 bytes]"`},
		{"surrogate in UTF-8 is invalid", "\xed\xa0\x80", `"\\xed\\xa0\\x80"`},
		{"long text", strings.Repeat("a", 30), `"aaaaaaaaaaaaaaaaaaaa\\[cut of 30 bytes]"`},
		{"cut before a character, not inside", strings.Repeat("a", 19) + "é.", `"aaaaaaaaaaaaaaaaaaa\\[cut of 22 bytes]"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, _ := AppendJSON(nil, tt.in, 20, 1<<20)
			if string(got) != tt.want {
				t.Errorf("AppendJSON(%q) = %s, want %s", tt.in, got, tt.want)
			}
		})
	}
}

func TestHiddenCoversUnicode(t *testing.T) {
	for i := 1; i < len(hidden); i++ {
		if hidden[i-1][1] >= hidden[i][0] {
			t.Fatalf("hidden is not in order at %U", hidden[i][0])
		}
	}
	tables := []*unicode.RangeTable{unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Bidi_Control,
		unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector, unicode.Join_Control}
	for r := rune(0x80); r <= unicode.MaxRune; r++ {
		if unicode.In(r, tables...) && !isHidden(r) {
			t.Errorf("%U is not hidden", r)
		}
		if isHidden(r) && unicode.IsLetter(r) && !unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) {
			t.Errorf("the letter %U %q is hidden", r, r)
		}
	}
}

func TestAppendTextIsSafe(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := hostile().Draw(t, "s")
		columns := rapid.IntRange(-1, 60).Draw(t, "columns")
		got := AppendText(nil, s, columns)
		if len(got) > max(columns, 0) {
			t.Fatalf("%q has %d columns, want %d at most", got, len(got), columns)
		}
		for _, c := range got {
			if c < 0x20 || c > 0x7e {
				t.Fatalf("raw byte %#x in %q", c, got)
			}
		}
	})
}

func TestAppendText(t *testing.T) {
	tests := []struct {
		in      string
		columns int
		want    string
	}{
		{"shop.example", 20, "shop.example"},
		{"shop.example", 12, "shop.example"},
		{"shop.example", 11, "shop.exa..."},
		{"shop.example", 2, ".."},
		{"\x1b[31m", 20, `\x1b[31m`},
		{"a\nb\u202e\xff😀'", 40, `a\nb\u202e\xff\U0001f600'`},
		{"aaaa\u202ebbbb", 9, `aaaa...`},
	}
	for _, tt := range tests {
		if got := Text(tt.in, tt.columns); got != tt.want {
			t.Errorf("Text(%q, %d) = %q, want %q", tt.in, tt.columns, got, tt.want)
		}
	}
}

func TestAppendJSONDoesNotAllocate(t *testing.T) {
	dst := make([]byte, 0, 8192)
	s := strings.Repeat("a\x1bé\xff\u202e\\", 200)
	b := []byte(s)
	if n := testing.AllocsPerRun(100, func() {
		_, _ = AppendJSON(dst, s, MaxString, 1<<16)
		_, _ = AppendJSONBytes(dst, b, MaxString, 1<<16)
		_ = AppendText(dst, s, 100)
	}); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func FuzzAppendJSON(f *testing.F) {
	f.Add(`\\xff`, 10)
	f.Fuzz(func(t *testing.T, s string, limit int) {
		out, _ := AppendJSON(nil, s, limit, 1<<16)
		checkSafe(t, out)
		var text string
		if err := json.Unmarshal(out, &text); err != nil {
			t.Fatal(err)
		}
		if got, _ := original(t, text); !strings.HasPrefix(s, string(got)) {
			t.Fatalf("original(%q) = %q, want the beginning of %q", text, got, s)
		}
	})
}

func BenchmarkAppendJSON(b *testing.B) {
	for _, bb := range []struct{ name, s string }{
		{"ascii", "https://shop.example/cart?id=12345"},
		{"utf8", "https://bücher.example/日本語"},
		{"binary", "\x16\x03\x01\x02\x00\xff\xfe\x1b\x80\x81"},
	} {
		b.Run(bb.name, func(b *testing.B) {
			dst := make([]byte, 0, 1024)
			b.ReportAllocs()
			b.SetBytes(int64(len(bb.s)))
			for b.Loop() {
				_, _ = AppendJSON(dst, bb.s, MaxString, 1<<16)
			}
		})
	}
}
