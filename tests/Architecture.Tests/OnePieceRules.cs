using System.Text.RegularExpressions;

namespace EnvPlatform.Architecture.Tests;

/// <summary>Code that has a single place is written there and nowhere else.</summary>
public sealed class OnePieceRules
{
    [TestCase(@"X-Org-Name""", "src/Agent/Client/PlatformClient.cs", "src/ServiceDefaults/Callers/RequestedOrganization.cs")]
    [TestCase(@"CreateHMAC\(", "src/ServiceDefaults/SignedCursor.cs")]
    [TestCase(@"Replace\(""%""", "src/Postgres/LikePattern.cs")]
    [TestCase(@"\.ReceiveAsync\(context|\btx\.ReceiveAsync\(", "src/Postgres/Inbox.cs")]
    [TestCase(@"(total|critical|high) = (excluded|given)\.")]
    [TestCase(@"""listen """, "src/Postgres/Background/ListeningLoop.cs")]
    [TestCase("PeriodicTimer", "src/ServiceDefaults/Addresses/HostAddresses.cs")]
    public void It_is_written_once(string pattern, params string[] places)
    {
        var found = Repository.Sources("src")
            .Where(file => Regex.IsMatch(File.ReadAllText(file), pattern, RegexOptions.None, TimeSpan.FromSeconds(1)))
            .Select(Repository.Relative).Order(StringComparer.Ordinal);
        Assert.That(found, Is.EqualTo(places.Order(StringComparer.Ordinal)));
    }
}
