using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

using EnvPlatform.Contracts.Ids;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.Testing;

namespace EnvPlatform.ServiceDefaults.Tests;

/// <summary>The behaviour that all services share: authorization, errors, pages.</summary>
public sealed class SharedBehaviourTests
{
    private static readonly Membership Org = TestCaller.NewOrganization(Roles.Member);
    private readonly TestCaller _member = TestCaller.Of(Org);
    private TestApp _app = null!;

    private static string Url(string path) => $"/api/v1/orgs/{Org.Slug}{path}";

    [OneTimeSetUp]
    public async Task StartAsync() => _app = await TestApp.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await _app.DisposeAsync();

    [Test]
    public async Task Nobody_gets_401_a_stranger_404_a_member_403_where_an_administrator_is_asked_for()
    {
        Assert.That(await StatusAsync(null, HttpMethod.Get, Url("/things")), Is.EqualTo(HttpStatusCode.Unauthorized));
        Assert.That(await StatusAsync(TestCaller.Of(TestCaller.NewOrganization()), HttpMethod.Get, Url("/things")),
            Is.EqualTo(HttpStatusCode.NotFound));
        Assert.That(await StatusAsync(_member, HttpMethod.Get, Url("/things")), Is.EqualTo(HttpStatusCode.OK));
        Assert.That(await StatusAsync(_member, HttpMethod.Post, Url("/secrets")), Is.EqualTo(HttpStatusCode.Forbidden));
        Assert.That(await StatusAsync(TestCaller.Of(Org with { Role = Roles.Auditor }), HttpMethod.Get, Url("/things")),
            Is.EqualTo(HttpStatusCode.Forbidden));
    }

    [Test]
    public async Task An_organization_may_be_named_by_its_id() =>
        Assert.That(await StatusAsync(_member, HttpMethod.Get, $"/api/v1/orgs/{Org.Id}/things"), Is.EqualTo(HttpStatusCode.OK));

    [Test]
    public async Task An_endpoint_without_a_policy_is_refused_to_everybody()
    {
        Assert.That(await StatusAsync(_member, HttpMethod.Get, "/unprotected"), Is.EqualTo(HttpStatusCode.Forbidden));
        Assert.That(await StatusAsync(null, HttpMethod.Get, "/unprotected"), Is.EqualTo(HttpStatusCode.Unauthorized));
    }

    [Test]
    public async Task A_service_speaking_for_itself_may_not_act_as_a_member()
    {
        var service = new TestCaller(default(SubjectId), Assertion.ServiceSubject, null, true, Org with { Role = Roles.Administrator });
        Assert.That(
            await StatusAsync(service, HttpMethod.Get, Url("/things")), Is.EqualTo(HttpStatusCode.NotFound), "it has no organization");
        Assert.That(await StatusAsync(service, HttpMethod.Get, "/crash"), Is.EqualTo(HttpStatusCode.Forbidden));
    }

    [TestCase("GET", "/api/v1/nothing", HttpStatusCode.NotFound, "not_found")]
    [TestCase("DELETE", "/crash", HttpStatusCode.MethodNotAllowed, "method_not_allowed")]
    [TestCase("POST", "/api/v1/orgs/ORG/notes", HttpStatusCode.UnsupportedMediaType, "unsupported_media_type")]
    public async Task What_the_framework_refuses_has_a_code_and_a_detail_too(string method, string path, HttpStatusCode status, string code)
    {
        using var client = _app.As(_member);
        using var request = new HttpRequestMessage(
            new HttpMethod(method), new Uri(path.Replace("ORG", Org.Slug, StringComparison.Ordinal), UriKind.Relative));
        request.Content = method == "POST" ? new StringContent("text") : null;
        using var response = await client.SendAsync(request);
        var problem = await response.Content.ReadFromJsonAsync<JsonElement>();
        Assert.That(response.StatusCode, Is.EqualTo(status));
        Assert.That(problem.GetProperty("type").GetString(), Is.EqualTo($"urn:envplatform:problem:{code}"));
        Assert.That(problem.GetProperty("code").GetString(), Is.EqualTo(code));
        Assert.That(problem.GetProperty("detail").GetString(), Is.Not.Empty);
    }

    private static readonly object[] BadBodies =
    [
        new object[] { "not json", "body" },
        new object[] { "{\"text\": 5, \"stars_given\": 1}", "text" },
        new object[] { "{\"text\": \"x\", \"stars_given\": \"many\"}", "stars_given" },
        new object[] { "{\"text\": \"x\", \"stars_given\": 9}", "stars_given" },
        new object[] { "{\"text\": \"longer than ten\", \"stars_given\": 1}", "text" },
        new object[] { "{\"text\": \"a\\u0000b\", \"stars_given\": 1}", "text" },
        new object[] { "{\"text\": \"\\ud800\", \"stars_given\": 1}", "text" },
        new object[] { "{\"text\": \"a\\u001b[2J\", \"stars_given\": 1}", "text" },
        new object[] { "{\"text\": \"a\\nb\", \"stars_given\": 1}", "text" },
        new object[] { "{\"text\": \"a\\u009bb\", \"stars_given\": 1}", "text" },
        new object[] { "{\"text\": \"a\", \"stars_given\": 1, \"lines\": [{\"the_name\": \"a\\tb\"}]}", "lines[0].the_name" },
        new object[] { "{\"text\": \"a\", \"stars_given\": 1, \"story\": \"a\\u007fb\"}", "story" },
        new object[] { "{\"text\": \"a\", \"stars_given\": 1, \"story\": \"a\\rb\"}", "story" },
        new object[]
        {
            "{\"text\": \"x\", \"stars_given\": 1, \"lines\": [{\"the_name\": \"ok\"}, {\"the_name\": \"too long\"}]}", "lines[1].the_name"
        },
        new object[] { "[]", "body" },
        new object[] { "", "body" },
        new object[] { "{\"text\": \"cut o", "body" },
    ];

    [TestCaseSource(nameof(BadBodies))]
    public async Task A_bad_body_is_a_400_that_names_the_field(string body, string field)
    {
        using var client = _app.As(_member);
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var response = await client.PostAsync(new Uri(Url("/notes"), UriKind.Relative), content);
        var problem = await response.Content.ReadFromJsonAsync<JsonElement>();
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest), problem.ToString());
        Assert.That(response.Content.Headers.ContentType!.MediaType, Is.EqualTo("application/problem+json"));
        Assert.That(problem.GetProperty("errors").EnumerateObject().Select(error => error.Name), Does.Contain(field), problem.ToString());
        Assert.That(problem.GetProperty("trace_id").GetString(), Is.Not.Empty);
        Assert.That(problem.GetProperty("code").GetString(), Is.EqualTo("invalid_request"));
        Assert.That(
            problem.GetProperty("detail").GetString(), Does.StartWith($"{problem.GetProperty("errors").EnumerateObject().First().Name}: "));
        Assert.That(problem.ToString(), Does.Not.Contain("EnvPlatform.").And.Not.Contain("System."));
    }

    [TestCase("application/json; charset=bogus")]
    [TestCase("application/json; charset=utf-7")]
    [TestCase("application/json; charset=\"\"")]
    [TestCase("application/problem+json; charset=bogus")]
    public async Task A_charset_that_nobody_can_read_is_415(string type)
    {
        using var client = _app.As(_member);
        using var content = new ByteArrayContent("{\"text\": \"x\", \"stars_given\": 1}"u8.ToArray());
        content.Headers.TryAddWithoutValidation("Content-Type", type);
        using var response = await client.PostAsync(new Uri(Url("/notes"), UriKind.Relative), content);
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.UnsupportedMediaType), await response.Content.ReadAsStringAsync());
        Assert.That(await response.Content.ReadAsStringAsync(), Does.Contain("unsupported_media_type"));
    }

    [TestCase("utf-8")]
    [TestCase("\"utf-8\"")]
    [TestCase("us-ascii")]
    public async Task A_charset_that_can_be_read_is_read(string charset)
    {
        using var client = _app.As(_member);
        using var content = new ByteArrayContent("{\"text\": \"x\", \"stars_given\": 1}"u8.ToArray());
        content.Headers.TryAddWithoutValidation("Content-Type", $"application/json; charset={charset}");
        using var response = await client.PostAsync(new Uri(Url("/notes"), UriKind.Relative), content);
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK), await response.Content.ReadAsStringAsync());
    }

    [TestCase("br")]
    [TestCase("gzip")]
    [TestCase("deflate")]
    public async Task A_body_that_is_not_packed_as_it_says_is_a_400(string encoding)
    {
        using var client = _app.As(_member);
        foreach (var body in new[] { "{\"text\": \"x\", \"stars_given\": 1}", "\u0001", "\u001f\u008b\u0008" })
        {
            using var content = new ByteArrayContent(Encoding.Latin1.GetBytes(body))
            {
                Headers = { ContentType = new MediaTypeHeaderValue("application/json"), ContentEncoding = { encoding } }
            };
            using var response = await client.PostAsync(new Uri(Url("/notes"), UriKind.Relative), content);
            Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest), await response.Content.ReadAsStringAsync());
            Assert.That(
                (await response.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("code").GetString(), Is.EqualTo("invalid_request"));
        }
    }

    [TestCase("/crash", HttpStatusCode.InternalServerError)]
    [TestCase("/api/v1/nothing", HttpStatusCode.NotFound)]
    [TestCase("/list?q=%00", HttpStatusCode.BadRequest)]
    public async Task An_error_is_a_problem_document_whatever_the_request_accepts(string path, HttpStatusCode status)
    {
        using var client = _app.As(_member);
        client.DefaultRequestHeaders.Accept.ParseAdd("text/plain");
        using var response = await client.GetAsync(new Uri(path, UriKind.Relative));
        Assert.That(response.StatusCode, Is.EqualTo(status));
        Assert.That(response.Content.Headers.ContentType?.MediaType, Is.EqualTo("application/problem+json"));
        var problem = await response.Content.ReadFromJsonAsync<JsonElement>();
        Assert.That(problem.GetProperty("trace_id").GetString(), Is.Not.Empty);
        Assert.That(problem.GetProperty("status").GetInt32(), Is.EqualTo((int)status));
    }

    [TestCase("/list?limit=0", "limit")]
    [TestCase("/list?limit=-1", "limit")]
    [TestCase("/list?limit=1001", "limit")]
    [TestCase("/list?limit=x", "limit")]
    [TestCase("/list?cursor=forged", "cursor")]
    [TestCase("/list?cursor=AAAAAAAAAAAAAAAAAAAAAFsiYSJd", "cursor")]
    [TestCase("/typed?count=x", "count")]
    [TestCase("/typed", "count")]
    [TestCase("/list?q=%00", "query")]
    [TestCase("/list?q=a%1Bb", "q")]
    [TestCase("/list?q=a%0Ab", "q")]
    [TestCase("/list?q=a%C2%9Bb", "q")]
    [TestCase("/list?q%1B=ab", "query")]
    [TestCase("/filtered/a%0Ab", "path")]
    public async Task A_bad_query_is_a_400_that_names_the_parameter(string path, string field)
    {
        using var client = _app.As(_member);
        using var response = await client.GetAsync(new Uri(Url(path), UriKind.Relative));
        var problem = await response.Content.ReadFromJsonAsync<JsonElement>();
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest), problem.ToString());
        Assert.That(problem.GetProperty("errors").TryGetProperty(field, out _), Is.True, problem.ToString());
    }

    [Test]
    public async Task A_text_of_several_lines_may_have_them()
    {
        using var client = _app.As(_member);
        using var content = new StringContent(
            """{"text": "é ", "stars_given": 1, "story": "a\n\tb\r\nc"}""", Encoding.UTF8, "application/json");
        using var response = await client.PostAsync(new Uri(Url("/notes"), UriKind.Relative), content);
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK), await response.Content.ReadAsStringAsync());
    }

    [Test]
    public async Task A_cursor_goes_with_its_list_its_filters_and_its_owner()
    {
        using var client = _app.As(_member);
        var first = await client.GetFromJsonAsync<JsonElement>(new Uri(Url("/list?search=a&limit=5"), UriKind.Relative));
        var cursor = Uri.EscapeDataString(first.GetProperty("next").GetString()!);
        var second = await client.GetFromJsonAsync<JsonElement>(new Uri(Url($"/list?search=a&limit=7&cursor={cursor}"), UriKind.Relative));
        Assert.That(second.GetProperty("after").EnumerateArray().Select(value => value.GetString()), Is.EqualTo(new[] { "a", null, "3" }));
        Assert.That(
            await StatusAsync(_member, HttpMethod.Get, Url($"/list?search=b&cursor={cursor}")), Is.EqualTo(HttpStatusCode.BadRequest));
        Assert.That(await StatusAsync(TestCaller.Of(Org), HttpMethod.Get, Url($"/list?search=a&cursor={cursor}")),
            Is.EqualTo(HttpStatusCode.BadRequest));
    }

    [Test]
    public async Task What_was_not_expected_is_a_500_without_inner_text()
    {
        using var client = _app.As(_member);
        using var response = await client.GetAsync(new Uri("/crash", UriKind.Relative));
        var text = await response.Content.ReadAsStringAsync();
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.InternalServerError));
        Assert.That(text, Does.Contain("trace_id").And.Not.Contain("inner text").And.Not.Contain("InvalidOperation"));
    }

    [Test]
    public async Task An_unknown_path_is_404_and_a_wrong_method_405_once_the_caller_is_known()
    {
        Assert.That(await StatusAsync(_member, HttpMethod.Get, "/api/v1/nothing"), Is.EqualTo(HttpStatusCode.NotFound));
        Assert.That(await StatusAsync(_member, HttpMethod.Delete, Url("/things")), Is.EqualTo(HttpStatusCode.MethodNotAllowed));
        Assert.That(await StatusAsync(null, HttpMethod.Get, "/api/v1/nothing"), Is.EqualTo(HttpStatusCode.Unauthorized));
    }

    [Test]
    public async Task A_body_that_is_not_json_by_its_type_is_415()
    {
        using var client = _app.As(_member);
        using var content = new StringContent("{}", Encoding.UTF8) { Headers = { ContentType = new MediaTypeHeaderValue("text/plain") } };
        using var response = await client.PostAsync(new Uri(Url("/notes"), UriKind.Relative), content);
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.UnsupportedMediaType));
        Assert.That(await response.Content.ReadAsStringAsync(), Does.Contain("trace_id"));
    }

    private async Task<HttpStatusCode> StatusAsync(TestCaller? caller, HttpMethod method, string path)
    {
        using var client = _app.As(caller);
        using var response = await client.SendAsync(new HttpRequestMessage(method, path));
        return response.StatusCode;
    }
}
