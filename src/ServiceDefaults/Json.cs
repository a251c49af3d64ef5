using System.Reflection;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace EnvPlatform.ServiceDefaults;

/// <summary>The JSON of the public API and of stored events: snake_case names and enum values, RFC 3339 times.</summary>
public static class Json
{
    public static JsonSerializerOptions Options { get; } = CreateOptions();

    public static void Configure(JsonSerializerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower;
        options.DictionaryKeyPolicy = null;
        options.PropertyNameCaseInsensitive = false;
        options.NumberHandling = JsonNumberHandling.Strict;
        options.MaxDepth = 32;
        options.Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping;
        options.Converters.Add(new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false));
        options.Converters.Add(new StorableStringConverter());
        options.Converters.Add(new TimeConverter());
    }

    /// <summary>
    /// The same for what callers send: a text is one line without control characters, unless its member is
    /// <see cref="MultiLineAttribute"/>.
    /// </summary>
    public static void ConfigureRequests(JsonSerializerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Converters.Add(new PlainStringConverter(isMultiLine: false));
        Configure(options);
        options.TypeInfoResolver = (options.TypeInfoResolver ?? new DefaultJsonTypeInfoResolver()).WithAddedModifier(AllowLines);
    }

    private static void AllowLines(JsonTypeInfo type)
    {
        var multiLine = new PlainStringConverter(isMultiLine: true);
        foreach (var property in type.Properties.Where(property => property.PropertyType == typeof(string) && IsMultiLine(type, property)))
        {
            property.CustomConverter = multiLine;
        }
    }

    // An attribute of a positional record is one of the constructor's parameter.
    private static bool IsMultiLine(JsonTypeInfo type, JsonPropertyInfo property) =>
        property.AttributeProvider is MemberInfo member && (member.IsDefined(typeof(MultiLineAttribute))
            || type.Type.GetConstructors().SelectMany(constructor => constructor.GetParameters())
                .Any(parameter => parameter.Name == member.Name && parameter.IsDefined(typeof(MultiLineAttribute))));

    private static JsonSerializerOptions CreateOptions()
    {
        var options = new JsonSerializerOptions(JsonSerializerDefaults.Web);
        Configure(options);
        options.MakeReadOnly(populateMissingResolver: true);
        return options;
    }

    /// <summary>Refuses text that cannot be stored or compared faithfully: U+0000 and surrogates without their other half.</summary>
    private class StorableStringConverter : JsonConverter<string>
    {
        public override string? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            if (reader.TokenType != JsonTokenType.String)
            {
                throw new JsonException("Expected a string.");
            }

            string? text;
            try
            {
                text = reader.GetString();
            }
            catch (InvalidOperationException exception)
            {
                throw new JsonException("The text is not valid Unicode.", exception);
            }

            if (text is not null && text.Contains('\0', StringComparison.Ordinal))
            {
                throw new JsonException("The text holds a NUL character.");
            }

            return text;
        }

        public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options) => writer.WriteStringValue(value);

        public override string ReadAsPropertyName(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            Read(ref reader, options);

        public override void WriteAsPropertyName(Utf8JsonWriter writer, string value, JsonSerializerOptions options) =>
            writer.WritePropertyName(value);

        private static string Read(ref Utf8JsonReader reader, JsonSerializerOptions _)
        {
            var text = reader.GetString()!;
            return text.Contains('\0', StringComparison.Ordinal) ? throw new JsonException("A name holds a NUL character.") : text;
        }
    }

    /// <summary>Refuses control characters as well.</summary>
    private sealed class PlainStringConverter(bool isMultiLine) : StorableStringConverter
    {
        public override string? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            Checked(base.Read(ref reader, typeToConvert, options));

        public override string ReadAsPropertyName(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            Checked(base.ReadAsPropertyName(ref reader, typeToConvert, options))!;

        private string? Checked(string? text) =>
            text is null || !PlainText.HoldsControl(text, isMultiLine) ? text
            : throw new JsonException(
                isMultiLine ? "The text holds a control character other than line feed and tab." : "The text holds a control character.");
    }
}
