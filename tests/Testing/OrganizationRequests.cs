using System.Net.Http.Json;
using System.Text.Json;

using NUnit.Framework;

namespace EnvPlatform.Testing;

/// <summary>Requests below <c>/api/v1/orgs/{org}/</c> of a service.</summary>
public static class OrganizationRequests
{
    /// <param name="org">The organization to name, where it is not the caller's own.</param>
    public static async Task<HttpResponseMessage> SendAsync<TProgram>(
        this ServiceFixture<TProgram> service, HttpMethod method, TestCaller? caller, string path,
        HttpContent? body = null, string? org = null)
        where TProgram : class
    {
        ArgumentNullException.ThrowIfNull(service);
        using var client = service.As(caller);
        using var request =
            new HttpRequestMessage(method, new Uri($"/api/v1/orgs/{org ?? caller!.Memberships[0].Slug}/{path}", UriKind.Relative))
            {
                Content = body
            };
        return await client.SendAsync(request);
    }

    /// <summary>The body of an answer that must be 200.</summary>
    public static async Task<JsonElement> OkAsync(this HttpResponseMessage response)
    {
        ArgumentNullException.ThrowIfNull(response);
        Assert.That((int)response.StatusCode, Is.EqualTo(200), await response.Content.ReadAsStringAsync());
        return await response.Content.ReadFromJsonAsync<JsonElement>();
    }

    public static async Task<JsonElement> GetAsync<TProgram>(this ServiceFixture<TProgram> service, TestCaller caller, string path)
        where TProgram : class
    {
        using var response = await service.SendAsync(HttpMethod.Get, caller, path);
        return await response.OkAsync();
    }

    /// <summary>Every item of a list, page by page; each page must give the same exact count.</summary>
    public static async Task<List<JsonElement>> GetAllAsync<TProgram>(
        this ServiceFixture<TProgram> service, TestCaller caller, string path, int limit)
        where TProgram : class
    {
        ArgumentNullException.ThrowIfNull(path);
        var items = new List<JsonElement>();
        var counts = new HashSet<long>();
        var cursor = "";
        do
        {
            var page = await service.GetAsync(
                caller, $"{path}{(path.Contains('?', StringComparison.Ordinal) ? '&' : '?')}limit={limit}{cursor}");
            items.AddRange(page.GetProperty("items").EnumerateArray());
            counts.Add(page.GetProperty("total_count").GetInt64());
            cursor = page.GetProperty("next_cursor").GetString() is { } next ? "&cursor=" + Uri.EscapeDataString(next) : null;
        }
        while (cursor is not null);

        Assert.That(counts, Is.EqualTo(new[] { (long)items.Count }), "total_count");
        return items;
    }
}
