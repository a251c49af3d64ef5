using System.Net.Http.Json;
using System.Text.Json;

namespace EnvPlatform.EndToEnd.Tests;

/// <summary>An organization created for a test, an administrator of it and a machine.</summary>
internal sealed record Organization(string Slug, string Token, Guid MachineId)
{
    public string Path => $"/api/v1/orgs/{Slug}";

    public static async Task<Organization> CreateAsync(Platform platform)
    {
        using var operatorApi = platform.Administrator();
        var slug = "org-" + Guid.CreateVersion7().ToString("N")[^10..];
        await operatorApi.PostAsync("/api/v1/orgs", new { slug, name = "Made by a test", environments_enabled = true });
        var token = await AddServiceAccountAsync(platform, slug, "administrator");
        using var api = platform.Client(token);
        var machine = Guid.CreateVersion7();
        await api.PutAsync(
            $"/api/v1/orgs/{slug}/machines/{machine}", new { hostname = "host-" + slug, platform = "linux-64", agent_version = "0.1.0" });
        return new(slug, token, machine);
    }

    /// <summary>A new person in the organization, with a token for it.</summary>
    public static async Task<Person> AddPersonAsync(Platform platform, string slug, string role)
    {
        using var operatorApi = platform.Administrator();
        var email = $"{role.Replace('_', '-')}-{Guid.CreateVersion7():N}@example.org";
        var invited = await operatorApi.PostAsync($"/api/v1/orgs/{slug}/members", new { email, display_name = role, role });
        using var nobody = platform.Client(null);
        var joined = await nobody.PostAsync(
            "/api/v1/invitations/accept",
            new { token = invited.GetProperty("token").GetString(), password = $"a good passphrase {Guid.CreateVersion7():N}" });
        var token = joined.GetProperty("token").GetString()!;
        using var mine = platform.Client(token);
        return new((await mine.GetAsync("/api/v1/me")).GetProperty("id").GetGuid(), token);
    }

    /// <param name="scopes">The permissions that the account is good for, at most; null: all of its role.</param>
    /// <returns>An access token of a new service account of that role.</returns>
    public static async Task<string> AddServiceAccountAsync(
        Platform platform, string slug, string role, IReadOnlyCollection<string>? scopes = null)
    {
        using var operatorApi = platform.Administrator();
        var account = await operatorApi.PostAsync(
            $"/api/v1/orgs/{slug}/service-accounts", new { name = $"{role}-{Guid.CreateVersion7():N}"[..30], role, scopes });
        using var form = new FormUrlEncodedContent(new Dictionary<string, string>
        {
            ["grant_type"] = "client_credentials",
            ["client_id"] = account.GetProperty("client_id").GetString()!,
            ["client_secret"] = account.GetProperty("client_secret").GetString()!,
        });
        using var anybody = platform.Client(null);
        using var response = await anybody.Http.PostAsync(new Uri("/oauth/token", UriKind.Relative), form);
        Assert.That(response.IsSuccessStatusCode, Is.True, await response.Content.ReadAsStringAsync());
        return (await response.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("access_token").GetString()!;
    }
}

/// <summary>Somebody in an organization, and a token of its own for it.</summary>
internal sealed record Person(Guid Id, string Token);
