using EnvPlatform.Audit.Streams;

namespace EnvPlatform.Audit.Tests;

public sealed class PreferenceTests
{
    [TestCase(null, null)]
    [TestCase("", null)]
    [TestCase("wait=10", 10)]
    [TestCase("respond-async, Wait = 10", 10)]
    [TestCase("wait=\"10\"; x=y", 10)]
    [TestCase("wait=0", 0)]
    [TestCase("wait=1000000", 30)]
    [TestCase("wait=99999999999", null)]
    [TestCase("wait=-1", null)]
    [TestCase("wait", null)]
    [TestCase("await=3", null)]
    public void Of_a_header_the_seconds_are_read(string? header, int? seconds) =>
        Assert.That(Preference.WaitOf(header), Is.EqualTo(seconds));
}
