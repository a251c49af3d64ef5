using System.Net;

using EnvPlatform.Contracts.Events;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.Testing;

using MassTransit;

using Microsoft.Extensions.DependencyInjection;

namespace EnvPlatform.Gateway.Tests;

/// <summary>A revocation during a call to Identity, or while Identity is unavailable.</summary>
[TestFixture]
public sealed class RevocationTests
{
    private static readonly Uri Environments = new("/api/v1/orgs/default/environments", UriKind.Relative);

    [Test]
    public async Task An_answer_that_was_asked_for_before_a_revocation_and_comes_after_it_lets_nobody_in()
    {
        await using var identity = await HeldIdentity.StartAsync();
        await using var downstream = await Downstream.StartAsync();
        await using var gateway = await ServiceFixture<GatewayOptions>.StartAsync(null, null, new Dictionary<string, string?>
        {
            ["services:identity:grpc:0"] = identity.Address,
            ["services:ingest:http:0"] = downstream.Address,
            ["Gateway:TokenCacheSeconds"] = "2",
            ["Gateway:IdentityTimeoutMilliseconds"] = "20000",
        });
        using var client = new HttpClient { BaseAddress = gateway.Address };
        client.DefaultRequestHeaders.Authorization = new("Bearer", SecretFormat.New(SecretFormat.TokenPrefix));
        var me = new Uri("/api/v1/me", UriKind.Relative);
        await client.GetAsync(me);
        Assert.That(identity.Questions, Is.EqualTo(1));

        // After half its lifetime the answer is refreshed while it is still used.
        var late = new TaskCompletionSource();
        identity.Hold = late.Task;
        await Eventually.BecomesTrueAsync(async () =>
        {
            using var _ = await client.GetAsync(me);
            return identity.Questions == 2;
        }, "the answer is fetched anew");
        (identity.IsActive, identity.Hold) = (false, Task.CompletedTask);
        await gateway.Services.GetRequiredService<IBus>()
            .Publish(new TokenRevoked([new(identity.TokenId)], TimeProvider.System.GetUtcNow()));
        // New requests do not wait for the late answer.
        await Eventually.BecomesTrueAsync(
            async () => (await client.GetAsync(me).WaitAsync(TimeSpan.FromSeconds(5))).StatusCode == HttpStatusCode.Unauthorized,
            "the revocation is heard", seconds: 5);
        late.SetResult();
        for (var i = 0; i < 10; i++)
        {
            await Task.Delay(50);
            using var response = await client.GetAsync(me);
            Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized), $"request {i} after the late answer");
        }
    }

    [Test]
    public async Task A_revoked_token_has_no_grace_when_Identity_is_away()
    {
        await using var platform = await Platform.StartAsync(("Gateway:TokenCacheSeconds", "60"));
        var (id, token) = await platform.CreateTokenAsync();
        using var client = platform.With(token);
        Assert.That((await client.GetAsync(Environments)).StatusCode, Is.EqualTo(HttpStatusCode.OK));
        using var owner = platform.AsOperator();
        using var revoked = await owner.DeleteAsync(new Uri($"/api/v1/orgs/default/tokens/{id}", UriKind.Relative));
        Assert.That(revoked.StatusCode, Is.EqualTo(HttpStatusCode.NoContent));
        await Task.Delay(1_000);
        await platform.Identity.DisposeAsync();
        Assert.That((await client.GetAsync(Environments)).StatusCode, Is.EqualTo(HttpStatusCode.ServiceUnavailable));
        Assert.That((await owner.GetAsync(Environments)).StatusCode, Is.EqualTo(HttpStatusCode.OK), "another token has");
    }
}
