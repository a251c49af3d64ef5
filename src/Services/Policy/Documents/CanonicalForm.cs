using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace EnvPlatform.Policy.Documents;

/// <summary>
/// One way to write a document: fields and conditions in a fixed order, defaults written out, comparisons spaced alike, a list of one value
/// as the value. Documents that say the same in the same order of rules have the same form; both forms are read to the document again.
/// </summary>
internal static class CanonicalForm
{
    /// <summary>JSON (RFC 8259), in one line.</summary>
    public static string ToJson(PolicyDocument document)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteString("name", document.Name);
            if (document.Description is { } description)
            {
                json.WriteString("description", description);
            }

            json.WriteBoolean("enabled", document.IsEnabled);
            json.WriteString("mode", ModeOf(document));
            json.WriteStartArray("rules");
            foreach (var rule in document.Rules)
            {
                Write(json, rule);
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    /// <summary>YAML 1.2, for people: texts are quoted where they would be read as something else.</summary>
    public static string ToYaml(PolicyDocument document)
    {
        var yaml = new StringBuilder();
        Line(yaml, "", "name", Scalar(document.Name));
        if (document.Description is { } description)
        {
            Line(yaml, "", "description", Scalar(description));
        }

        Line(yaml, "", "enabled", Flag(document.IsEnabled));
        Line(yaml, "", "mode", ModeOf(document));
        yaml.Append("rules:\n");
        foreach (var rule in document.Rules)
        {
            Line(yaml, "  - ", "name", Scalar(rule.Name));
            yaml.Append("    when:\n");
            foreach (var condition in rule.When)
            {
                var values = condition.Any.Select(operand => operand is Operand.Flag ? operand.Text : Scalar(operand.Text)).ToArray();
                Line(yaml, "      ", condition.Name, values is [var only] ? only : $"[{string.Join(", ", values)}]");
            }

            Line(yaml, "    ", "then", EffectOf(rule));
            if (rule.Grace is { } grace)
            {
                Line(yaml, "    ", "grace", grace.ToString());
                Line(yaml, "    ", "grace_from", FromOf(rule));
            }

            if (rule.Message is { } message)
            {
                Line(yaml, "    ", "message", Scalar(message));
            }
        }

        return yaml.ToString();
    }

    private static void Write(Utf8JsonWriter json, PolicyRule rule)
    {
        json.WriteStartObject();
        json.WriteString("name", rule.Name);
        json.WriteStartObject("when");
        foreach (var condition in rule.When)
        {
            json.WritePropertyName(condition.Name);
            if (condition.Any is [var only])
            {
                Write(json, only);
                continue;
            }

            json.WriteStartArray();
            foreach (var operand in condition.Any)
            {
                Write(json, operand);
            }

            json.WriteEndArray();
        }

        json.WriteEndObject();
        json.WriteString("then", EffectOf(rule));
        if (rule.Grace is { } grace)
        {
            json.WriteString("grace", grace.ToString());
            json.WriteString("grace_from", FromOf(rule));
        }

        if (rule.Message is { } message)
        {
            json.WriteString("message", message);
        }

        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, Operand operand)
    {
        if (operand is Operand.Flag flag)
        {
            json.WriteBooleanValue(flag.Value);
        }
        else
        {
            json.WriteStringValue(operand.Text);
        }
    }

    private static void Line(StringBuilder yaml, string indent, string key, string value) =>
        yaml.Append(indent).Append(key).Append(": ").Append(value).Append('\n');

    // Words and hyphens alone are plain; numbers, true, null and whatever else could be read otherwise is in double quotes.
    private static string Scalar(string text) =>
        char.IsAsciiLetter(text[0]) && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or '/')
        && !(text.ToLowerInvariant() is "true" or "false" or "null" or "yes" or "no" or "on" or "off" or "y" or "n")
            ? text
            : $"\"{text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";

    private static string Flag(bool value) => value ? "true" : "false";

    private static string ModeOf(PolicyDocument document) => document.IsObserved ? "observe" : "enforce";

    private static string EffectOf(PolicyRule rule) => rule.Then == Effect.Block ? "block" : "warn";

    private static string FromOf(PolicyRule rule) => rule.GraceFrom switch
    {
        GraceFrom.Published => "published",
        GraceFrom.FixAvailable => "fix_available",
        _ => "found",
    };
}
