using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;

using EnvPlatform.Agent.Tests.Commands;

using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;

namespace EnvPlatform.Agent.Tests.SignIn;

/// <summary>
/// An authorization server as the standards say (RFC 6749, 7009, 7636, 8414, 8628, 9207), on a recorded platform: codes and refresh tokens
/// are good once, a second use of a refresh token ends its family.
/// </summary>
internal sealed class AuthorizationServer
{
    private readonly RecordedPlatform _platform;
    private readonly ConcurrentDictionary<string, (string Challenge, string Redirect)> _codes = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, bool> _refreshTokens = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, bool> _accessTokens = new(StringComparer.Ordinal);
    private readonly ConcurrentQueue<string> _deviceAnswers = new();
    private int _issued;

    public AuthorizationServer(RecordedPlatform platform)
    {
        _platform = platform;
        Issuer = platform.Url;
        platform.On("GET /.well-known/oauth-authorization-server", (_, response) => AnswerAsync(response, 200, $$"""
            {"issuer": "{{Issuer}}", "authorization_endpoint": "{{platform.Url}}/oauth/authorize", "token_endpoint": "{{platform.Url}}/oauth/token",
             "device_authorization_endpoint": "{{platform.Url}}/oauth/device", "revocation_endpoint": "{{platform.Url}}/oauth/revoke",
             "scopes_supported": ["offline_access", "environments:log", "environments:read"],
             "authorization_response_iss_parameter_supported": true}
            """));
        platform.On("GET /oauth/authorize", AuthorizeAsync);
        platform.On("POST /oauth/device", (_, response) => AnswerAsync(response, 200, $$"""
            {"device_code": "device-secret", "user_code": "BCDF-GHJK", "verification_uri": "{{platform.Url}}/device", "expires_in": {{DeviceLife}}, "interval": 1}
            """));
        platform.On("POST /oauth/token", TokenAsync);
        platform.On("POST /oauth/revoke", RevokeAsync);
        platform.On("GET /me", (received, response) => IsGood(received)
            ? AnswerAsync(response, 200, Me)
            : AnswerAsync(response, 401, """{"title": "Unauthorized", "status": 401}"""));
    }

    public string Issuer { get; set; }

    public string Me { get; set; } = """
        {"email": "ada@example.org", "organizations": [{"slug": "acme", "name": "Acme", "environments_enabled": true, "environments_required": true}]}
        """;

    /// <summary>What the browser is answered with, instead of a code; {redirect} and {state} are filled in.</summary>
    public string? AuthorizeAnswer { get; set; }

    public int AccessLife { get; set; } = 900;

    public int DeviceLife { get; set; } = 600;

    /// <summary>Awaited before the token endpoint answers.</summary>
    public Func<Task> BeforeToken { get; set; } = () => Task.CompletedTask;

    public ConcurrentQueue<string> Revoked { get; } = new();

    /// <summary>What the next polls of the device flow are answered with; when all were given, the sign-in is approved.</summary>
    public AuthorizationServer DeviceSays(params string[] errors)
    {
        foreach (var error in errors)
        {
            _deviceAnswers.Enqueue(error);
        }

        return this;
    }

    public Dictionary<string, string>[] Grants(string type) =>
        [.. _platform.To("POST /oauth/token").Select(Form).Where(form => form["grant_type"] == type)];

    public static Dictionary<string, string> Form(Received received) =>
        QueryHelpers.ParseQuery(Encoding.UTF8.GetString(received.Body))
            .ToDictionary(field => field.Key, field => field.Value.ToString(), StringComparer.Ordinal);

    /// <summary>Makes every access token so far void, as the platform does with one whose session was ended.</summary>
    public void VoidAccessTokens() => _accessTokens.Clear();

    public void VoidRefreshTokens() => _refreshTokens.Clear();

    /// <summary>An access token and a refresh token, as after a sign-in.</summary>
    public (string Access, string Refresh) Issue()
    {
        var number = Interlocked.Increment(ref _issued);
        var (access, refresh) = ($"access-{number}", $"refresh-{number}");
        _accessTokens[access] = true;
        _refreshTokens[refresh] = true;
        return (access, refresh);
    }

    public bool IsGood(Received received) =>
        received.Headers.TryGetValue("Authorization", out var header) && header.StartsWith("Bearer ", StringComparison.Ordinal)
        && _accessTokens.ContainsKey(header["Bearer ".Length..]);

    private Task AuthorizeAsync(Received received, HttpResponse response)
    {
        var query = QueryHelpers.ParseQuery(received.Query);
        var (redirect, state) = (query["redirect_uri"].ToString(), query["state"].ToString());
        if (query["response_type"] != "code" || query["code_challenge_method"] != "S256" || query["client_id"] != "envplatform-cli")
        {
            return AnswerAsync(response, 400, """{"error": "invalid_request"}""");
        }

        var code = "code-" + Interlocked.Increment(ref _issued);
        _codes[code] = (query["code_challenge"].ToString(), redirect);
        response.StatusCode = 302;
        response.Headers.Location = redirect + "?" + (AuthorizeAnswer is { } given
            ? given.Replace("{state}", state, StringComparison.Ordinal)
            : $"code={code}&state={state}&iss={Uri.EscapeDataString(Issuer)}");
        return Task.CompletedTask;
    }

    private async Task TokenAsync(Received received, HttpResponse response)
    {
        await BeforeToken();
        var form = Form(received);
        var error = form.GetValueOrDefault("client_id") != "envplatform-cli" ? "invalid_client" : form["grant_type"] switch
        {
            "authorization_code" => _codes.TryRemove(form["code"], out var code) && code.Redirect == form["redirect_uri"]
                && code.Challenge == WebEncoders.Base64UrlEncode(SHA256.HashData(Encoding.ASCII.GetBytes(form["code_verifier"])))
                    ? null : "invalid_grant",
            "refresh_token" => Redeem(form["refresh_token"]) ? null : "invalid_grant",
            "urn:ietf:params:oauth:grant-type:device_code" when form["device_code"] == "device-secret" =>
                _deviceAnswers.TryDequeue(out var said) ? said : null,
            _ => "unsupported_grant_type",
        };
        if (error == "broken")
        {
            response.HttpContext.Abort();
            return;
        }

        if (error is not null)
        {
            await AnswerAsync(response, 400, $$"""{"error": "{{error}}"}""");
            return;
        }

        var (access, refresh) = Issue();
        await AnswerAsync(response, 200, $$"""
            {"access_token": "{{access}}", "token_type": "Bearer", "expires_in": {{AccessLife}}, "refresh_token": "{{refresh}}"}
            """);
    }

    /// <summary>Good once; whoever comes a second time may be a thief, so that nobody is signed in any more.</summary>
    private bool Redeem(string refreshToken)
    {
        if (_refreshTokens.TryUpdate(refreshToken, false, true))
        {
            return true;
        }

        _refreshTokens.Clear();
        _accessTokens.Clear();
        return false;
    }

    private Task RevokeAsync(Received received, HttpResponse response)
    {
        var token = Form(received)["token"];
        Revoked.Enqueue(token);
        _refreshTokens.TryRemove(token, out _);
        _accessTokens.TryRemove(token, out _);
        response.StatusCode = 200;
        return Task.CompletedTask;
    }

    private static Task AnswerAsync(HttpResponse response, int status, string body)
    {
        response.StatusCode = status;
        response.ContentType = "application/json";
        return response.WriteAsync(body);
    }
}
