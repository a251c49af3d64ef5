using System.Net.Http.Json;
using System.Text.Json.Nodes;

namespace EnvPlatform.Identity.Tests;

/// <summary>Requests below <c>/api/v1/orgs/{org}/</c> by one caller, and what they answer.</summary>
internal sealed class OrganizationClient(HttpClient http, string org) : IDisposable
{
    public string Org { get; } = org;

    /// <summary>An administrator of a new organization.</summary>
    public static async Task<OrganizationClient> OfNewAsync(IdentityHost host)
    {
        var org = await host.CreateOrganizationAsync();
        return new(await host.AsOperatorAsync(), org);
    }

    public void Dispose() => http.Dispose();

    /// <summary>Status and body (null for none).</summary>
    public async Task<(int Status, JsonObject? Body)> SendAsync(
        string method, string path, object? body = null, string? ifMatch = null, string? org = null)
    {
        using var request = new HttpRequestMessage(new(method), new Uri($"/api/v1/orgs/{org ?? Org}/{path}", UriKind.Relative))
        {
            Content = body is null ? null : JsonContent.Create(body),
        };
        if (ifMatch is not null)
        {
            request.Headers.TryAddWithoutValidation("If-Match", ifMatch);
        }

        using var response = await http.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        return ((int)response.StatusCode, text.Length == 0 ? null : JsonNode.Parse(text)!.AsObject());
    }

    /// <summary>The body of an answer that must be a success; an empty one for none.</summary>
    public async Task<JsonObject> OkAsync(string method, string path, object? body = null, string? org = null)
    {
        var (status, answer) = await SendAsync(method, path, body, org: org);
        Assert.That(status, Is.InRange(200, 299), $"{method} {path}: {answer?.ToJsonString()}");
        return answer ?? [];
    }

    /// <summary>Status and code of a refusal.</summary>
    public async Task<(int Status, string? Code)> RefusedAsync(
        string method, string path, object? body = null, string? ifMatch = null, string? org = null)
    {
        var (status, answer) = await SendAsync(method, path, body, ifMatch, org);
        return (status, (string?)answer?["code"]);
    }

    /// <summary>A member of every item of a list, page by page of a few.</summary>
    public async Task<List<string?>> ListAsync(string path, string member = "name", int limit = 1_000)
    {
        var items = new List<string?>();
        string? cursor = null;
        long total;
        do
        {
            var page = await OkAsync(
                "GET", $"{path}{(path.Contains('?', StringComparison.Ordinal) ? '&' : '?')}limit={limit}"
                    + (cursor is null ? "" : "&cursor=" + Uri.EscapeDataString(cursor)));
            items.AddRange(page["items"]!.AsArray().Select(item => item![member]?.ToString()));
            cursor = (string?)page["next_cursor"];
            total = (long)page["total_count"]!;
        }
        while (cursor is not null);

        Assert.That(total, Is.EqualTo(items.Count), "total_count");
        return items;
    }
}
