using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace EnvPlatform.ServiceDefaults;

/// <summary>
/// Times in one form: RFC 3339 in UTC, <c>2026-11-27T10:00:00Z</c>, with microseconds as six digits where they are not zero. The database
/// keeps as many, so that what is answered to a change equals what is read later.
/// </summary>
internal sealed class TimeConverter : JsonConverter<DateTimeOffset>
{
    private const string Seconds = "yyyy-MM-dd'T'HH:mm:ss'Z'";
    private const string Microseconds = "yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'";

    public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TryGetDateTimeOffset(out var time) ? time : throw new JsonException("Expected a time of RFC 3339.");

    public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options)
    {
        var time = value.UtcDateTime;
        var hasMicroseconds = time.Ticks % TimeSpan.TicksPerSecond >= TimeSpan.TicksPerMicrosecond;
        writer.WriteStringValue(time.ToString(hasMicroseconds ? Microseconds : Seconds, CultureInfo.InvariantCulture));
    }
}
