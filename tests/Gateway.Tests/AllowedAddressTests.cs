using System.Net;

namespace EnvPlatform.Gateway.Tests;

/// <summary>A token that is good from some addresses only, and what the gateway remembers of it.</summary>
[TestFixture]
public sealed class AllowedAddressTests
{
    private static readonly Uri Environments = new("/api/v1/orgs/default/environments", UriKind.Relative);

    [Test]
    public async Task What_is_remembered_for_one_address_lets_no_other_in_and_shuts_none_out()
    {
        await using var platform = await Platform.StartAsync(("Gateway:TrustedProxies:0", "127.0.0.1"));
        var (_, token) = await platform.CreateTokenAsync(allowedIps: ["198.51.100.0/24"]);
        foreach (var (address, expected) in new[]
        {
            // The first answer is asked for from elsewhere, and is remembered.
            ("203.0.113.5", HttpStatusCode.Unauthorized), ("198.51.100.7", HttpStatusCode.OK), ("203.0.113.5", HttpStatusCode.Unauthorized),
            ("198.51.100.8", HttpStatusCode.OK), ("198.51.101.1", HttpStatusCode.Unauthorized), ("198.51.100.7", HttpStatusCode.OK),
        })
        {
            using var client = platform.With(token);
            client.DefaultRequestHeaders.Add("X-Forwarded-For", address);
            using var response = await client.GetAsync(Environments);
            Assert.That(response.StatusCode, Is.EqualTo(expected), address);
        }
    }
}
