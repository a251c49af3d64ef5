using EnvPlatform.Contracts.Ids;
using EnvPlatform.ServiceDefaults.Callers;

namespace EnvPlatform.ServiceDefaults.Tests;

/// <summary>Services trust the gateway's assertion and nothing else.</summary>
public sealed class AssertionTests
{
    private static readonly AssertionKey Key = new("0123456789012345678901234567890123456789");
    private static readonly DateTimeOffset Now = new(2026, 3, 4, 5, 6, 7, TimeSpan.Zero);

    private static readonly Assertion Ada = new(
        Guid.Parse("0192f0c1-0000-7000-8000-000000000001"), "user", "ada@example.org", "Ada", false,
        [new(new OrganizationId(Guid.Parse("0192f0c1-0000-7000-8000-000000000002")), "default", "Default", Roles.Member)],
        null, "r1", "192.0.2.7", "agent", (Now + Assertion.Lifetime).ToUnixTimeSeconds());

    [Test]
    public void What_was_signed_is_read_again()
    {
        var read = Assertion.Verify(Ada.Sign(Key), Key, Now);
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
            .Where(changed => Assertion.Verify(changed, Key, Now) is not null)
            .ToArray();

        // The last character of unpadded base64url carries unused bits; .NET refuses those that are not zero.
        Assert.That(wrong, Is.Empty);
    }

    [TestCase("")]
    [TestCase(".")]
    [TestCase("a.b")]
    [TestCase("é.é")]
    [TestCase("no dot at all")]
    public void Garbage_is_refused(string text) => Assert.That(Assertion.Verify(text, Key, Now), Is.Null);

    [Test]
    public void It_lapses_after_a_minute_and_belongs_to_its_key()
    {
        var text = Ada.Sign(Key);
        Assert.That(Assertion.Verify(text, Key, Now.AddSeconds(61)), Is.Null);
        Assert.That(Assertion.Verify(text, new AssertionKey(new string('x', 40)), Now), Is.Null);
        Assert.That(() => new AssertionKey("short"), Throws.ArgumentException);
    }
}
