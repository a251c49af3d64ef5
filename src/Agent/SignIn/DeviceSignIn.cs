using System.Globalization;

using EnvPlatform.Agent.Client;
using EnvPlatform.Agent.Output;

namespace EnvPlatform.Agent.SignIn;

/// <summary>Signs in with a browser anywhere: shows an address and a code, and asks until somebody has typed it (RFC 8628).</summary>
internal static class DeviceSignIn
{
    private static readonly TimeSpan UsualInterval = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan SlowDown = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongestInterval = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Tick = TimeSpan.FromSeconds(1);

    /// <exception cref="AgentException">It was declined, the code has expired, or the platform refuses.</exception>
    public static async Task<StoredCredentials> RunAsync(OAuthServer server, Surroundings surroundings, CancellationToken ct)
    {
        var started = surroundings.Clock.GetTimestamp();
        var codes = await server.StartDeviceAsync(
            new Dictionary<string, string>(StringComparer.Ordinal)
            {
                ["scope"] = server.Scope(),
                // Shown to the person who types the code.
                ["hostname"] = surroundings.HostName,
            }, ct);
        if (codes is not { DeviceCode: { } device, UserCode: { } user, VerificationUri: { } place, ExpiresIn: > 0 })
        {
            throw new UnreachableException("The platform's answer to the sign-in holds no code.");
        }

        var life = TimeSpan.FromSeconds(codes.ExpiresIn);
        var screen = new Screen(surroundings);
        screen.Note($"To sign in, open this address in a browser, on any machine:\n\n  {place}\n\nand type this code:\n\n  {user}\n");
        screen.Note($"It expires in {Left(life)}. Type only a code that you see on your own screen. Ctrl-C gives up.");

        var grant = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["grant_type"] = "urn:ietf:params:oauth:grant-type:device_code",
            ["device_code"] = device,
        };
        using var progress = new Progress(surroundings);
        var interval = codes.Interval is > 0 and var seconds ? TimeSpan.FromSeconds(seconds) : UsualInterval;
        while (true)
        {
            for (var waited = TimeSpan.Zero; waited < interval; waited += Tick)
            {
                var left = life - surroundings.Clock.GetElapsedTime(started);
                if (left <= TimeSpan.Zero)
                {
                    throw Expired();
                }

                progress.Show($"Waiting for the browser; the code expires in {Left(left)}.");
                var rest = interval - waited;
                await Task.Delay(rest < Tick ? rest : Tick, surroundings.Clock, ct);
            }

            try
            {
                return await server.ExchangeAsync(grant, ct);
            }
            catch (OAuthException refused) when (refused.Code == "authorization_pending")
            {
                // Nobody has answered yet.
            }
            catch (OAuthException refused) when (refused.Code == "slow_down")
            {
                interval += SlowDown;
            }
            catch (OAuthException refused) when (refused.Code == "access_denied")
            {
                throw new AgentException("The sign-in was declined in the browser.");
            }
            catch (OAuthException refused) when (refused.Code == "expired_token")
            {
                throw Expired();
            }
            catch (UnreachableException)
            {
                // RFC 8628 section 3.5: ask less often, until the code expires.
                interval = interval * 2 < LongestInterval ? interval * 2 : LongestInterval;
            }
        }
    }

    private static AgentException Expired() => new("The code has expired: run 'envplatform login' again for a new one.");

    private static string Left(TimeSpan time) => time.ToString(@"m\:ss", CultureInfo.InvariantCulture);
}
