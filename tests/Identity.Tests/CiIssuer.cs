using System.Security.Cryptography;
using System.Text;

using EnvPlatform.Testing;

using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace EnvPlatform.Identity.Tests;

/// <summary>An issuer of CI tokens: a real HTTP server with a discovery document and keys.</summary>
public sealed class CiIssuer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly Dictionary<string, SecurityKey> _keys = new(StringComparer.Ordinal);

    private CiIssuer(WebApplication app, string issuer) => (_app, Issuer) = (app, issuer);

    public string Issuer { get; }

    /// <summary>Null: that of the issuer itself.</summary>
    public string? DiscoveredIssuer { get; set; }

    /// <summary>Null: of the issuer itself.</summary>
    public string? KeysAddress { get; set; }

    /// <summary>Null: the document itself; otherwise where the discovery document is said to be instead.</summary>
    public string? RedirectTo { get; set; }

    public int Padding { get; set; }

    public bool IsAway { get; set; }

    /// <summary>Requests for the discovery document.</summary>
    public int Asked { get; private set; }

    public static async Task<CiIssuer> StartAsync()
    {
        var port = TestPorts.Next();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        var app = builder.Build();
        app.Urls.Add($"http://127.0.0.1:{port}");
        var issuer = new CiIssuer(app, $"http://127.0.0.1:{port}/ci");
        app.MapGet("/ci/.well-known/openid-configuration", () => issuer.Discover());
        app.MapGet("/ci/keys", () => Results.Text(issuer.Keys(), "application/json"));
        await app.StartAsync();
        return issuer;
    }

    public void AddRsa(string id, int bits = 2_048) => _keys[id] = new RsaSecurityKey(RSA.Create(bits)) { KeyId = id };

    public void AddEc(string id) => _keys[id] = new ECDsaSecurityKey(ECDsa.Create(ECCurve.NamedCurves.nistP256)) { KeyId = id };

    /// <summary>A signed token.</summary>
    /// <param name="change">What differs from a good one; null takes a claim away.</param>
    public string Sign(
        string audience, string subject, string key = "rsa", string algorithm = "RS256", Dictionary<string, object?>? change = null,
        SecurityKey? with = null, Dictionary<string, object>? header = null)
    {
        var now = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();
        var claims = new Dictionary<string, object>(StringComparer.Ordinal)
        {
            ["iss"] = Issuer,
            ["aud"] = audience,
            ["sub"] = subject,
            ["iat"] = now,
            ["nbf"] = now,
            ["exp"] = now + 300,
        };
        foreach (var (name, value) in change ?? [])
        {
            claims.Remove(name);
            if (value is not null)
            {
                claims[name] = value;
            }
        }

        return new JsonWebTokenHandler { SetDefaultTimesOnTokenCreation = false }.CreateToken(new SecurityTokenDescriptor
        {
            Claims = claims,
            SigningCredentials = new SigningCredentials(with ?? _keys[key], algorithm),
            AdditionalHeaderClaims = header,
        });
    }

    /// <summary>The public key as text that everybody has.</summary>
    public byte[] PublicKey(string id) => Encoding.UTF8.GetBytes(((RsaSecurityKey)_keys[id]).Rsa.ExportSubjectPublicKeyInfoPem());

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private IResult Discover()
    {
        Asked++;
        return IsAway ? Results.StatusCode(StatusCodes.Status500InternalServerError)
            : RedirectTo is { } to ? Results.Redirect(to)
            : Results.Json(new
            {
                issuer = DiscoveredIssuer ?? Issuer,
                jwks_uri = KeysAddress ?? Issuer + "/keys",
                padding = new string('x', Padding),
            });
    }

    private string Keys() => $$"""{"keys": [{{string.Join(',', _keys.Values.Select(key => key switch
    {
        RsaSecurityKey rsa => Describe(rsa),
        ECDsaSecurityKey ec => Describe(ec),
        _ => throw new InvalidOperationException("No such kind of key."),
    }))}}]}""";

    private static string Describe(RsaSecurityKey key)
    {
        var parameters = key.Rsa.ExportParameters(includePrivateParameters: false);
        return $$"""
            {"kty": "RSA", "use": "sig", "kid": "{{key.KeyId}}", "n": "{{Base64UrlEncoder.Encode(parameters.Modulus)}}",
            "e": "{{Base64UrlEncoder.Encode(parameters.Exponent)}}"}
            """;
    }

    private static string Describe(ECDsaSecurityKey key)
    {
        var parameters = key.ECDsa.ExportParameters(includePrivateParameters: false);
        return $$"""
            {"kty": "EC", "crv": "P-256", "kid": "{{key.KeyId}}", "x": "{{Base64UrlEncoder.Encode(parameters.Q.X)}}",
            "y": "{{Base64UrlEncoder.Encode(parameters.Q.Y)}}"}
            """;
    }
}
