using System.Text.Json;

namespace EnvPlatform.ServiceDefaults.Tests;

public sealed class TimeConverterTests
{
    [TestCase("2026-11-27T10:00:00Z", "2026-11-27T10:00:00Z")]
    [TestCase("2026-11-27T10:00:00.5808455Z", "2026-11-27T10:00:00.580845Z")]
    [TestCase("2026-11-27T10:00:00.58Z", "2026-11-27T10:00:00.580000Z")]
    [TestCase("2026-11-27T10:00:00.0000009Z", "2026-11-27T10:00:00Z")]
    [TestCase("2026-11-27T12:30:00.123456+02:30", "2026-11-27T10:00:00.123456Z")]
    public void A_time_has_one_form(string given, string written)
    {
        var time = JsonSerializer.Deserialize<DateTimeOffset?>($"\"{given}\"", Json.Options);
        Assert.That(JsonSerializer.Serialize(new { At = time }, Json.Options), Is.EqualTo($$"""{"at":"{{written}}"}"""));
    }

    [Test]
    public void What_is_no_time_is_refused() =>
        Assert.That(() => JsonSerializer.Deserialize<DateTimeOffset>("\"yesterday\"", Json.Options), Throws.InstanceOf<JsonException>());
}
