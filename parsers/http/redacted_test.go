package http

import "testing"

// TestAppendRedacted: what others call redacts as targets are.
func TestAppendRedacted(t *testing.T) {
	for _, url := range []string{"/", "/a?b=1", "/a?token=x&b=1", "http://u:p@h/", "/r?to=http://u:p@h/&key=1", "//a@//b@c", ""} {
		var x exchange
		want := "kept " + string(x.keepURL([]byte(url)))
		if got := string(AppendRedacted([]byte("kept "), []byte(url))); got != want {
			t.Errorf("AppendRedacted(%q) = %q, want %q", url, got, want)
		}
	}
	if !SecretField("Cookie") || SecretField("accept") || AuthScheme([]byte("Basic dTpw")) != "Basic" {
		t.Error("fields are not judged as in HTTP/1")
	}
}
