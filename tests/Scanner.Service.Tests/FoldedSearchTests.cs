namespace EnvPlatform.Scanner.Service.Tests;

/// <summary>Search ignores case as Unicode has it, and how letters with marks are put together.</summary>
public sealed class FoldedSearchTests : ScannerFixture
{
    [TestCase("na\u00efve")]
    [TestCase("NA\u00cfVE")]
    [TestCase("NAI\u0308VE")]
    [TestCase("\u0411\u0410\u0417\u0410")]
    public async Task Letters_beyond_ASCII_are_folded(string text)
    {
        if (!_isLogged)
        {
            await ScannedAsync(await LogAsync(
                Bob, await RegisterMachineAsync(Bob), "/opt/\u0431\u0430\u0437\u0430/na\u00efve", PyPi("anything", "1.0")));
            _isLogged = true;
        }

        var found = await GetAsync(Ada, "search?q=" + Uri.EscapeDataString(text));
        Assert.That(
            found.GetProperty("environments").EnumerateArray().Select(one => one.GetProperty("name").GetString()),
            Is.EqualTo(new[] { "na\u00efve" }));
    }

    private bool _isLogged;
}
