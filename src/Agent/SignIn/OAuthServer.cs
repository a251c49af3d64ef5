using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

using EnvPlatform.Agent.Client;

namespace EnvPlatform.Agent.SignIn;

/// <summary>
/// The platform as an OAuth 2.0 authorization server, and this program as its public client: it has no secret, and proves by PKCE that an
/// answer is its own.
/// </summary>
internal sealed class OAuthServer : IDisposable
{
    public const string ClientId = "envplatform-cli";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private readonly HttpClient _http;
    private readonly TimeProvider _clock;

    private OAuthServer(HttpClient http, ServerMetadata metadata, string url, TimeProvider clock)
    {
        _http = http;
        Metadata = metadata;
        Url = url;
        _clock = clock;
    }

    public ServerMetadata Metadata { get; }

    public string Url { get; }

    /// <summary>What the platform says of its sign-in; null where it says nothing, as before it had one for programs.</summary>
    /// <exception cref="AgentException">It cannot be reached, or what it says cannot be trusted.</exception>
    public static async Task<OAuthServer?> DiscoverAsync(string url, TimeProvider clock, CancellationToken ct)
    {
        var address = Session.Address(url);
        // RFC 8414 section 3.1: between host and path.
        var place = new Uri(address, "/.well-known/oauth-authorization-server" + address.AbsolutePath.TrimEnd('/'));
        var http = PlatformClient.CreateHttp(address);
        try
        {
            var (status, body) = await SendAsync(http, clock, () => new HttpRequestMessage(HttpMethod.Get, place), ct);
            if (status == HttpStatusCode.NotFound)
            {
                http.Dispose();
                return null;
            }

            if (status != HttpStatusCode.OK)
            {
                throw new UnreachableException($"{place} answered {(int)status}: check the address.");
            }

            return new OAuthServer(http, Checked(Parse(body, AgentJson.Default.ServerMetadata), url), url, clock);
        }
        catch
        {
            http.Dispose();
            throw;
        }
    }

    /// <summary>The server of a sign-in that was made before, without asking it.</summary>
    public static OAuthServer Of(StoredCredentials credentials, TimeProvider clock) => new(
        PlatformClient.CreateHttp(Session.Address(credentials.Url)),
        new ServerMetadata(TokenEndpoint: credentials.TokenEndpoint, RevocationEndpoint: credentials.RevocationEndpoint),
        credentials.Url,
        clock);

    /// <summary>An address that has a metadata document of somebody else would hand the sign-in to him (RFC 8414 section 3.3).</summary>
    private static ServerMetadata Checked(ServerMetadata metadata, string url)
    {
        if (metadata.Issuer?.TrimEnd('/') != url.TrimEnd('/'))
        {
            throw new AgentException(
                $"The platform at {url} calls itself {metadata.Issuer ?? "nothing"}: sign in with that address, if you trust it.");
        }

        string?[] endpoints =
        [
            metadata.AuthorizationEndpoint, metadata.TokenEndpoint, metadata.DeviceAuthorizationEndpoint, metadata.RevocationEndpoint,
        ];
        var secure = new Uri(url).Scheme == "https";
        foreach (var endpoint in endpoints)
        {
            if (endpoint is not null
                && (!Uri.TryCreate(endpoint, UriKind.Absolute, out var parsed) || parsed.Scheme is not ("https" or "http")
                    || (secure && parsed.Scheme != "https")))
            {
                throw new AgentException($"The platform names {endpoint} for its sign-in, which is no secure address.");
            }
        }

        return metadata.TokenEndpoint is null
            ? throw new AgentException("The platform names no address for tokens: it cannot be signed in to this way.")
            : metadata;
    }

    public void Dispose() => _http.Dispose();

    /// <summary>
    /// What this program asks for: to stay signed in, and every right that it has commands for and the platform knows. The user's role
    /// still limits it.
    /// </summary>
    public string Scope()
    {
        string[] wanted =
        [
            "environments:log", "environments:read", "environments:read_all", "vulnerabilities:curate", "organization:read",
            "settings:read", "settings:write", "audit:read", "account",
        ];
        return string.Join(
            ' ',
            wanted.Where(scope => Metadata.ScopesSupported?.Contains(scope, StringComparer.Ordinal) == true).Prepend("offline_access"));
    }

    /// <exception cref="OAuthException">The platform refused.</exception>
    /// <exception cref="UnreachableException">There was no answer.</exception>
    public Task<StoredCredentials> ExchangeAsync(IReadOnlyDictionary<string, string> grant, CancellationToken ct) =>
        TokenAsync(grant, refreshToken: null, ct);

    /// <summary>
    /// Exchanges a refresh token, which is then void. It is sent once and not given up: an answer that is lost ends the sign-in.
    /// </summary>
    /// <exception cref="OAuthException">The platform refused.</exception>
    /// <exception cref="UnreachableException">There was no answer.</exception>
    public Task<StoredCredentials> RefreshAsync(string refreshToken) =>
        TokenAsync(
            new Dictionary<string, string>(StringComparer.Ordinal) { ["grant_type"] = "refresh_token", ["refresh_token"] = refreshToken },
            refreshToken, CancellationToken.None);

    private async Task<StoredCredentials> TokenAsync(
        IReadOnlyDictionary<string, string> grant, string? refreshToken, CancellationToken ct)
    {
        var asked = _clock.GetUtcNow();
        var answer = await PostAsync(Metadata.TokenEndpoint!, grant, AgentJson.Default.TokenAnswer, ct);
        if (answer.AccessToken is null || !string.Equals(answer.TokenType, "Bearer", StringComparison.OrdinalIgnoreCase))
        {
            throw new UnreachableException("The platform's answer to the sign-in holds no bearer token.");
        }

        return new StoredCredentials(
            Url, answer.AccessToken, answer.ExpiresIn is { } seconds ? asked.AddSeconds(seconds) : null,
            answer.RefreshToken ?? refreshToken, Metadata.TokenEndpoint, Metadata.RevocationEndpoint);
    }

    /// <summary>Asks for the codes of the device flow.</summary>
    public Task<DeviceAnswer> StartDeviceAsync(IReadOnlyDictionary<string, string> form, CancellationToken ct) =>
        PostAsync(Metadata.DeviceAuthorizationEndpoint!, form, AgentJson.Default.DeviceAnswer, ct);

    /// <summary>Revokes a token (RFC 7009): one that is not known is answered like any other.</summary>
    /// <exception cref="OAuthException">The platform refused.</exception>
    /// <exception cref="UnreachableException">There was no answer.</exception>
    public static async Task RevokeAsync(PendingRevocation pending, TimeProvider clock, CancellationToken ct)
    {
        using var http = PlatformClient.CreateHttp(new Uri(pending.Endpoint));
        var form = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["token"] = pending.Token,
            ["token_type_hint"] = pending.Hint,
            ["client_id"] = ClientId,
        };
        var (status, body) = await SendAsync(http, clock, () => Form(pending.Endpoint, form), ct);
        if (status != HttpStatusCode.OK)
        {
            throw Refusal(status, body);
        }
    }

    private async Task<T> PostAsync<T>(
        string endpoint, IReadOnlyDictionary<string, string> form, JsonTypeInfo<T> type, CancellationToken ct)
    {
        var complete = new Dictionary<string, string>(form, StringComparer.Ordinal) { ["client_id"] = ClientId };
        var (status, body) = await SendAsync(_http, _clock, () => Form(endpoint, complete), ct);
        return status == HttpStatusCode.OK ? Parse(body, type) : throw Refusal(status, body);
    }

    private static HttpRequestMessage Form(string endpoint, IReadOnlyDictionary<string, string> form) =>
        new(HttpMethod.Post, endpoint) { Content = new FormUrlEncodedContent(form) };

    /// <summary>Retries only what was certainly not received: a refused connection, and answers that say so.</summary>
    private static async Task<(HttpStatusCode Status, byte[] Body)> SendAsync(
        HttpClient http, TimeProvider clock, Func<HttpRequestMessage> create, CancellationToken ct)
    {
        for (var attempt = 1; ; attempt++)
        {
            TimeSpan wait;
            using var deadline = new CancellationTokenSource(Patience, clock);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, deadline.Token);
            try
            {
                using var request = create();
                using var response = await http.SendAsync(request, either.Token);
                if (response.StatusCode is not (HttpStatusCode.TooManyRequests or HttpStatusCode.ServiceUnavailable)
                    || RetryPolicy.WaitAfter(Failure.Busy, attempt, response.Headers.RetryAfter?.Delta, Random.Shared.NextDouble())
                        is not { } pause)
                {
                    return (response.StatusCode, await response.Content.ReadAsByteArrayAsync(either.Token));
                }

                wait = pause;
            }
            catch (HttpRequestException failure)
            {
                var kind = failure.HttpRequestError is HttpRequestError.ConnectionError ? Failure.Connection : Failure.Lasting;
                wait = RetryPolicy.WaitAfter(kind, attempt, asked: null, Random.Shared.NextDouble())
                    ?? throw PlatformClient.Unreachable(http.BaseAddress!, failure);
            }
            catch (OperationCanceledException) when (!ct.IsCancellationRequested)
            {
                throw new UnreachableException($"{http.BaseAddress} did not answer the sign-in in time.");
            }

            await Task.Delay(wait, clock, ct);
        }
    }

    private static T Parse<T>(byte[] body, JsonTypeInfo<T> type)
    {
        try
        {
            return JsonSerializer.Deserialize(body, type) ?? throw new JsonException();
        }
        catch (JsonException)
        {
            throw new UnreachableException("The answer to the sign-in does not look like one of the platform: check the address.");
        }
    }

    private static AgentException Refusal(HttpStatusCode status, byte[] body)
    {
        try
        {
            if (JsonSerializer.Deserialize(body, AgentJson.Default.OAuthRefusal) is { Error: { } code } refusal)
            {
                return new OAuthException(code, refusal.ErrorDescription);
            }
        }
        catch (JsonException)
        {
            // The status alone has to suffice.
        }

        return (int)status >= 500
            ? new UnreachableException($"The platform answered {(int)status} to the sign-in: try again.")
            : new AgentException($"The platform answered {(int)status} to the sign-in: check the address.");
    }
}
