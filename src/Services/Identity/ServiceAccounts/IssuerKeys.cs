using System.Net;
using System.Net.Sockets;
using System.Text.Json;

using EnvPlatform.ServiceDefaults.Addresses;

using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.Tokens;

namespace EnvPlatform.Identity.ServiceAccounts;

/// <summary>
/// The keys with which issuers sign, from their discovery documents (OpenID Connect Discovery section 4, RFC 7517). Fetched over https and
/// from public addresses only, unless the operator lists the issuer; what is connected to is the address that was looked at, so that a name
/// that resolves differently the next time leads nowhere else. No redirect is followed. Remembered for minutes, so many issuers at most.
/// </summary>
internal sealed partial class IssuerKeys : IDisposable
{
    /// <summary>Asymmetric signatures with SHA-2 (RFC 7518 section 3.1); never <c>none</c>, never a shared secret.</summary>
    public static readonly string[] Algorithms =
        ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"];

    private const int MostIssuers = 200;
    private const int MostKeys = 50;
    private const int MaxBytes = 256 * 1024;
    private const int MinRsaBits = 2_048;
    private const int MaxRsaBits = 8_192;
    private static readonly TimeSpan GoodFor = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);

    /// <summary>How often an issuer is asked at most, whatever failed or whatever key is sought.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(30);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);
    private readonly HttpClient _public = Client(anywhere: false);
    private readonly HttpClient _private = Client(anywhere: true);
    private readonly IReadOnlyList<string> _privateIssuers;
    private readonly TimeProvider _clock;
    private readonly ILogger<IssuerKeys> _log;

    public IssuerKeys(IOptions<IdentityOptions> options, TimeProvider clock, ILogger<IssuerKeys> log) =>
        (_privateIssuers, _clock, _log) = (options.Value.PrivateIssuers, clock, log);

    /// <summary>The issuer's keys; null when they cannot be had.</summary>
    /// <param name="issuer">One that an administrator trusts: nobody else has addresses fetched.</param>
    /// <param name="keyId">The key that is sought: the issuer may have added it since it was asked.</param>
    public async Task<IReadOnlyList<JsonWebKey>?> FindAsync(string issuer, string? keyId, CancellationToken ct) =>
        await EntryOf(issuer, keyId).Keys.WaitAsync(ct);

    public void Dispose()
    {
        _public.Dispose();
        _private.Dispose();
    }

    private Entry EntryOf(string issuer, string? keyId)
    {
        lock (_gate)
        {
            if (_entries.TryGetValue(issuer, out var entry))
            {
                var age = _clock.GetElapsedTime(entry.At);
                var keys = entry.Keys.IsCompletedSuccessfully ? entry.Keys.Result : null;
                var serves = keys is not null && age < GoodFor && keys.Any(key => key.KeyId == keyId);
                if (!entry.Keys.IsCompleted || serves || age < Pause)
                {
                    return entry;
                }
            }
            else if (_entries.Count >= MostIssuers)
            {
                _entries.Remove(_entries.MinBy(one => one.Value.At).Key);
            }

            return _entries[issuer] = new(FetchAsync(issuer), _clock.GetTimestamp());
        }
    }

    private async Task<IReadOnlyList<JsonWebKey>?> FetchAsync(string issuer)
    {
        await Task.Yield();
        using var timeout = new CancellationTokenSource(Timeout, _clock);
        var isPrivate = _privateIssuers.Contains(issuer, StringComparer.Ordinal);
        var client = isPrivate ? _private : _public;
        try
        {
            if (IssuerAddress.Refuse(issuer, _privateIssuers) is { } problem)
            {
                LogUnavailable(issuer, problem);
                return null;
            }

            var discovery = IssuerAddress.Discovery(issuer);
            using var document = JsonDocument.Parse(await client.GetStringAsync(discovery, timeout.Token));
            if (KeysAddress(document.RootElement, issuer, discovery, isPrivate) is not { } address)
            {
                LogUnavailable(issuer, "The discovery document is another issuer's, or says no good jwks_uri.");
                return null;
            }

            return Usable(await client.GetStringAsync(address, timeout.Token));
        }
        catch (Exception exception) when (
            exception is HttpRequestException or OperationCanceledException or JsonException or ArgumentException
                or InvalidOperationException)
        {
            LogUnavailable(issuer, exception.Message);
            return null;
        }
    }

    private static Uri? KeysAddress(JsonElement document, string issuer, Uri discovery, bool isPrivate)
    {
        if (document.ValueKind != JsonValueKind.Object
            || !document.TryGetProperty("issuer", out var said) || said.ValueKind != JsonValueKind.String || said.GetString() != issuer
            || !document.TryGetProperty("jwks_uri", out var keys) || keys.ValueKind != JsonValueKind.String
            || !Uri.TryCreate(keys.GetString(), UriKind.Absolute, out var address) || address.UserInfo.Length > 0)
        {
            return null;
        }

        // A private issuer is trusted with itself, not with all that is in the network.
        var isAllowed = isPrivate
            ? address.Scheme == discovery.Scheme && address.Authority == discovery.Authority
            : address.Scheme == Uri.UriSchemeHttps;
        return isAllowed ? address : null;
    }

    /// <summary>The public keys of a set that may verify signatures, strong enough ones.</summary>
    private static List<JsonWebKey> Usable(string set) =>
    [
        .. new JsonWebKeySet(set).Keys.Take(MostKeys).Where(key =>
            key is { KeyId.Length: > 0, HasPrivateKey: false }
            && (key.Use is null or "" or "sig") && (string.IsNullOrEmpty(key.Alg) || Algorithms.Contains(key.Alg))
            && (key.Kty == JsonWebAlgorithmsKeyTypes.EllipticCurve
                || (key.Kty == JsonWebAlgorithmsKeyTypes.RSA && key.KeySize is >= MinRsaBits and <= MaxRsaBits))),
    ];

    /// <param name="anywhere">Private addresses too.</param>
    private static HttpClient Client(bool anywhere) => new(
        new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = false,
            MaxConnectionsPerServer = 2,
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(10),
            PooledConnectionLifetime = TimeSpan.FromMinutes(1),
            ConnectCallback = (context, ct) => ConnectAsync(context.DnsEndPoint, anywhere, ct),
        })
    { MaxResponseContentBufferSize = MaxBytes, Timeout = Timeout };

    private static async ValueTask<Stream> ConnectAsync(DnsEndPoint to, bool anywhere, CancellationToken ct)
    {
        var addresses = await Dns.GetHostAddressesAsync(to.Host, ct);
        var allowed = anywhere ? addresses : [.. addresses.Where(PublicAddress.Is)];
        if (allowed.Length == 0)
        {
            throw new HttpRequestException("The issuer has no public address.");
        }

        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(allowed, to.Port, ct);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The keys of the issuer {Issuer} cannot be had: {Reason}")]
    private partial void LogUnavailable(string issuer, string reason);

    /// <param name="At">When it was asked, as a timestamp of the clock.</param>
    private sealed record Entry(Task<IReadOnlyList<JsonWebKey>?> Keys, long At);
}
