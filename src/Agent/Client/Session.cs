using System.Text;

using EnvPlatform.Agent.SignIn;

namespace EnvPlatform.Agent.Client;

/// <summary>A signed-in session with the platform for one organization.</summary>
internal sealed class Session : IDisposable
{
    private Session(Surroundings surroundings, Settings settings, PlatformClient client, string organization)
    {
        Surroundings = surroundings;
        Settings = settings;
        Client = client;
        Organization = organization;
    }

    public Surroundings Surroundings { get; }
    public Settings Settings { get; }
    public PlatformClient Client { get; }
    public string Organization { get; }

    /// <exception cref="AgentException">Nobody is signed in, or no organization is chosen.</exception>
    public static Session Open(Surroundings surroundings, bool compressed = true)
    {
        var settings = Settings.Load(surroundings);
        var client = Connect(surroundings, settings, compressed);
        if (settings.Organization is { } organization)
        {
            return new Session(surroundings, settings, client, organization);
        }

        client.Dispose();
        throw new AgentException("No organization is chosen: run 'envplatform login --org SLUG', or set ENVPLATFORM_ORG.");
    }

    /// <summary>A client with the token of the settings, for calls that need no organization.</summary>
    /// <exception cref="AgentException">Nobody is signed in.</exception>
    public static PlatformClient Connect(Surroundings surroundings, Settings settings, bool compressed = true)
    {
        if (settings.Url is not { } url)
        {
            throw new AgentException(
                "You are not signed in: run 'envplatform login --url URL', or set ENVPLATFORM_URL and ENVPLATFORM_TOKEN.");
        }

        if (TokenSource.Of(surroundings, settings) is not { } tokens)
        {
            throw new AgentException($"You are not signed in to {url}: run 'envplatform login --url {url}', or set ENVPLATFORM_TOKEN.");
        }

        return new PlatformClient(Address(url), tokens, surroundings.Clock, compressed);
    }

    /// <exception cref="AgentException">The text is not an http or https address.</exception>
    public static Uri Address(string url) =>
        Uri.TryCreate(url, UriKind.Absolute, out var address) && address.Scheme is "http" or "https" && address.UserInfo.Length == 0
            ? new Uri(address.GetLeftPart(UriPartial.Path).TrimEnd('/') + "/")
            : throw new AgentException($"'{url}' is not an address like https://envplatform.example.org.", ExitCodes.Usage);

    /// <summary>The path of something that the organization owns.</summary>
    public string Path(string rest) => $"api/v1/orgs/{Uri.EscapeDataString(Organization)}/{rest}";

    /// <summary>A query string of the fields that have a value, with its question mark; empty where none has.</summary>
    public static string Query(params ReadOnlySpan<(string Name, string? Value)> fields)
    {
        var query = new StringBuilder();
        foreach (var (name, value) in fields)
        {
            if (value is not null)
            {
                query.Append(query.Length == 0 ? '?' : '&').Append(name).Append('=').Append(Uri.EscapeDataString(value));
            }
        }

        return query.ToString();
    }

    public void Dispose() => Client.Dispose();
}
