using EnvPlatform.Contracts.Ids;
using EnvPlatform.ServiceDefaults.Callers;
using EnvPlatform.Testing;

using Microsoft.Extensions.Configuration;

namespace EnvPlatform.ServiceDefaults.Tests;

/// <summary>Services trust the gateway's assertion and nothing else.</summary>
public sealed class AssertionTests
{
    private static readonly CallKey Key = new("gateway", "ingest", "0123456789012345678901234567890123456789");
    private static readonly CallKey OfScanner = new("scanner", "ingest", "abcdefghijabcdefghijabcdefghijabcdefghij");
    private static readonly CallKeys Keys = new([Key, OfScanner], []);
    private static readonly DateTimeOffset Now = new(2026, 3, 4, 5, 6, 7, TimeSpan.Zero);

    private static readonly Assertion Ada = new(
        Guid.Parse("0192f0c1-0000-7000-8000-000000000001"), "user", "ada@example.org", "Ada", false,
        [new(new OrganizationId(Guid.Parse("0192f0c1-0000-7000-8000-000000000002")), "default", "Default", Roles.Member)],
        null, "r1", "192.0.2.7", "agent", (Now + Assertion.Lifetime).ToUnixTimeSeconds());

    [Test]
    public void What_was_signed_is_read_again()
    {
        var read = Assertion.Verify(Ada.Sign(Key), Keys, Now);
        Assert.That(read, Is.Not.Null);
        Assert.That(read!.Memberships, Is.EqualTo(Ada.Memberships));
        Assert.That(read with { Memberships = Ada.Memberships }, Is.EqualTo(Ada));
    }

    [Test]
    public void Every_changed_character_makes_it_worthless()
    {
        var text = Ada.Sign(Key);
        var wrong = Enumerable.Range(0, text.Length)
            .Where(i => text[i] != '.')
            .Select(i => text[..i] + (text[i] == 'A' ? 'B' : 'A') + text[(i + 1)..])
            .Where(changed => Assertion.Verify(changed, Keys, Now) is not null)
            .ToArray();

        // The last character of unpadded base64url carries unused bits; .NET refuses those that are not zero.
        Assert.That(wrong, Is.Empty);
    }

    [TestCase("")]
    [TestCase(".")]
    [TestCase("a.b")]
    [TestCase("gateway..")]
    [TestCase("gateway.e30.")]
    [TestCase("..")]
    [TestCase("é.é")]
    [TestCase("no dot at all")]
    public void Garbage_is_refused(string text) => Assert.That(Assertion.Verify(text, Keys, Now), Is.Null);

    [Test]
    public void It_soon_expires_and_belongs_to_its_key()
    {
        var text = Ada.Sign(Key);
        Assert.That(Assertion.Verify(text, Keys, Now.AddSeconds(31)), Is.Null);
        Assert.That(Assertion.Verify(text, new CallKeys([new("gateway", "ingest", new string('x', 40))], []), Now), Is.Null);
        Assert.That(() => new CallKey("gateway", "ingest", "short"), Throws.ArgumentException);
    }

    [TestCase("gateway", "scanner", Description = "another service, even with the same secret")]
    [TestCase("identity", "ingest", Description = "another caller, even with the same secret")]
    public void It_is_meant_for_one_service(string caller, string callee)
    {
        var other = new CallKey(caller, callee, "0123456789012345678901234567890123456789");
        Assert.That(Assertion.Verify(Ada.Sign(Key), new CallKeys([other], []), Now), Is.Null);
        Assert.That(Assertion.Verify(Ada.Sign(other), Keys, Now), Is.Null);
    }

    [Test]
    public void A_service_that_is_not_the_gateway_speaks_for_itself_only()
    {
        Assert.That(Assertion.Verify(Ada.Sign(OfScanner), Keys, Now), Is.Null, "for a member");
        Assert.That(Assertion.Verify(Assertion.OfNobody("r1", null, null, Now).Sign(OfScanner), Keys, Now), Is.Null, "for a visitor");
        var claimed = Ada with { SubjectType = Assertion.ServiceSubject, DisplayName = "policy", Operator = true };
        var read = Assertion.Verify(claimed.Sign(OfScanner), Keys, Now)!;
        Assert.That(read.DisplayName, Is.EqualTo("scanner"));
        Assert.That(read.Operator, Is.False);
        Assert.That(read.Memberships, Is.Empty);
    }

    [Test]
    public void A_service_has_the_keys_that_its_settings_name()
    {
        var settings = TestKeys.SettingsOf("ingest").Where(setting => setting.Key.EndsWith("scanner", StringComparison.Ordinal));
        var keys = CallKeys.From(new ConfigurationBuilder().AddInMemoryCollection(settings).Build(), "ingest");
        Assert.That(keys.Incoming("scanner"), Is.Not.Null);
        Assert.That(keys.Incoming("gateway"), Is.Null);
        Assert.That(keys.Outgoing("scanner").Callee, Is.EqualTo("scanner"));
        Assert.That(() => keys.Outgoing("identity"), Throws.InvalidOperationException.With.Message.Contains("OutgoingKeys:identity"));
    }
}
