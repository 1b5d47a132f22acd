/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --format: a table of templates and what Go makes of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <cli/template.h>

static const char data[] =
	"{\"Name\":\"web\",\"N\":3,\"F\":1.5,\"Big\":2147483648,\"T\":true,\"Nil\":null,"
	"\"L\":[\"a\",\"b\"],\"E\":[],\"M\":{\"z\":\"1\",\"k\":{\"v\":\"x\"}},\"80/tcp\":\"p\","
	"\"S\":\"a<b>&c\"}";

static const struct {
	const char *text, *result; /* NULL = an error */
} cases[] = {
	{"plain", "plain"},
	{"{{.Name}}-{{ .N }}", "web-3"},
	{"{{.F}} {{.Big}} {{.T}}", "1.5 2147483648 true"},
	{"{{.Nil}}", "<nil>"},
	{"{{.L}} {{.M}}", "[a b] map[k:map[v:x] z:1]"},
	{"{{.M.k.v}}", "x"},
	{"{{json .L}} {{json .M.k}} {{json .S}}", "[\"a\",\"b\"] {\"v\":\"x\"} \"a<b>&c\""},
	{"{{json .None}}", "null"},
	{"{{range .L}}<{{.}}>{{end}}", "<a><b>"},
	{"{{range $i, $v := .L}}{{$i}}={{$v}},{{end}}", "0=a,1=b,"},
	{"{{range $k, $v := .M}}{{$k}} {{end}}", "k z "},
	{"{{range .E}}x{{else}}none{{end}}", "none"},
	{"{{range .None}}x{{else}}none{{end}}", "none"},
	{"{{if .T}}yes{{else}}no{{end}}", "yes"},
	{"{{if .None}}yes{{else}}no{{end}}", "no"},
	{"{{if eq .Name \"db\"}}1{{else if eq .N 3}}2{{else}}3{{end}}", "2"},
	{"{{with .M.k}}{{.v}}{{end}}", "x"},
	{"{{index .L 1}} {{index .M \"k\" \"v\"}} {{index . \"80/tcp\"}}", "b x p"},
	{"{{(index .M \"k\").v}}", "x"},
	{"{{.Name | upper | printf \"%s!\"}}", "WEB!"},
	{"{{printf \"%-5s|%3d|%q\" .Name .N .Name}}", "web  |  3|\"web\""},
	{"{{printf \"%.2s|%6.1s|%x\" .Name .Name .Name}}", "we|     w|776562"},
	{"{{printf \"%05d|%-4d|%x|%.2f|%t\" .N .N 255 .F .T}}", "00003|3   |ff|1.50|true"},
	{"{{printf \"%.1s\" \"\\u00e9a\"}}", "é"},
	{"{{print 1 2 \"a\" 3}}", "1 2a3"},
	{"{{slice .Name 1}} {{slice .Name 0 2}} {{slice .L 1 2}}", "eb we [b]"},
	{"{{slice .Name 4}}", NULL},
	{"{{slice .Name 2 1}}", NULL},
	{"{{slice .N 1}}", NULL},
	{"{{join .L \",\"}} {{upper \"x\"}} {{title \"ab cd\"}} {{len .L}}", "a,b X Ab Cd 2"},
	{"{{range split \"a:b\" \":\"}}[{{.}}]{{end}}", "[a][b]"},
	{"{{truncate .Name 2}}{{pad .Name 1 2}}", "we web  "},
	{"a {{- /* comment */ -}} b", "ab"},
	{"{{$x := .Name}}{{range .L}}{{$x}}{{.}}{{$.N}} {{end}}", "weba3 webb3 "},
	{"{{if and .T (not .Nil)}}1{{end}}{{if or .Nil .E}}2{{end}}", "1"},
	{"{{lt 1 2}} {{ge 2 2}} {{ne \"a\" \"b\"}}", "true true true"},
	{"{{`raw \"q\"`}} {{\"\\u00e9\\t\"}}", "raw \"q\" é\t"},
	{"{{.Label \"com.x\"}}", "v"},
	{"{{.Label \"none\"}}", ""},
	{"{{println .Name}}", "web\n"},
	{"{{.None}}", NULL},
	{"{{.Name.x}}", NULL},
	{"{{.Nil.x}}", NULL},
	{"{{", NULL},
	{"{{.Name", NULL},
	{"{{end}}", NULL},
	{"{{if .T}}x", NULL},
	{"{{nofunc .}}", NULL},
	{"{{json}}", NULL},
	{"{{$y}}", NULL},
	{"{{\"open}}", NULL},
	{"{{index .L 9}}", NULL},
	{"{{/* open", NULL},
};

static int render(const char *text, struct buf *out, struct crl_err *err)
{
	_cleanup_cjson_ cJSON *tree = NULL;
	_cleanup_cjson_ cJSON *labels = cJSON_Parse("{\"com.x\":\"v\"}");
	_cleanup_tpl_ struct tpl *t = NULL;
	assert_int_equal(json_parse(data, sizeof data - 1, 10000, &tree, err), 0);
	if (template_parse(text, &t, err) < 0)
		return -1;
	buf_puts(out, "");
	return template_exec(t, tree, labels, out, err);
}

static void test_cases(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct buf out = BUF_INIT;
		struct crl_err err = CRL_ERR_INIT;
		int r = render(cases[i].text, &out, &err);
		if (cases[i].result ? r < 0 || strcmp(out.data, cases[i].result) != 0 : r == 0)
			fail_msg("%s: got %s (%s)", cases[i].text, out.data, err.msg);
	}
}

static void test_depth(void **state)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct crl_err err = CRL_ERR_INIT;
	buf_puts(&text, "{{");
	for (int i = 0; i < 100000; i++)
		buf_putc(&text, '(');
	assert_int_equal(render(text.data, &out, &err), -1);
	assert_non_null(strstr(err.msg, "nested too deeply"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_depth),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
