using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace EnvPlatform.Scanner.Repodata;

/// <summary>A package that a channel holds.</summary>
/// <param name="Build">The build string.</param>
/// <param name="Depends">Match specifications of what must be installed with it.</param>
/// <param name="Constrains">Match specifications that packages of these names must fit if they are installed.</param>
/// <param name="HasTrackFeatures">The solver avoids it where it has a choice.</param>
internal sealed record ChannelBuild(
    string Name, string Version, string Build, long BuildNumber, string[] Depends, string[] Constrains, bool HasTrackFeatures = false)
{
    private static readonly JsonWriterOptions Compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>How the stored line of a build begins.</summary>
    public static string PrefixOf(string version, string build) =>
        $"[{JsonSerializer.Serialize(version, RepodataJson.Plain.String)},{JsonSerializer.Serialize(build, RepodataJson.Plain.String)},";

    /// <summary>Without its name: an array of version, build, build number, depends, constrains and 1 for track features.</summary>
    public string ToLine(ArrayBufferWriter<byte> buffer)
    {
        buffer.ResetWrittenCount();
        using (var json = new Utf8JsonWriter(buffer, Compact))
        {
            json.WriteStartArray();
            json.WriteStringValue(Version);
            json.WriteStringValue(Build);
            json.WriteNumberValue(BuildNumber);
            Write(json, Depends);
            Write(json, Constrains);
            if (HasTrackFeatures)
            {
                json.WriteNumberValue(1);
            }

            json.WriteEndArray();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    /// <param name="texts">Texts that were read before, so that each is kept once.</param>
    public static ChannelBuild Read(string name, string line, Dictionary<string, string> texts)
    {
        using var json = JsonDocument.Parse(line);
        var parts = json.RootElement;
        return new(
            name, parts[0].GetString()!, parts[1].GetString()!, parts[2].GetInt64(), Strings(parts[3], texts), Strings(parts[4], texts),
            parts.GetArrayLength() > 5);
    }

    private static void Write(Utf8JsonWriter json, string[] specs)
    {
        json.WriteStartArray();
        foreach (var spec in specs)
        {
            json.WriteStringValue(spec);
        }

        json.WriteEndArray();
    }

    private static string[] Strings(JsonElement array, Dictionary<string, string> texts) =>
        [.. array.EnumerateArray().Select(item =>
        {
            var text = item.GetString()!;
            return texts.TryAdd(text, text) ? text : texts[text];
        })];
}
