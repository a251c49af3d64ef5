using System.Text.Json;

using EnvPlatform.Policy.Documents;
using EnvPlatform.ServiceDefaults;

using Microsoft.AspNetCore.Http.HttpResults;

namespace EnvPlatform.Policy.Policies;

/// <summary>Reads the document of a request.</summary>
internal static class PolicyText
{
    /// <returns>The document, or the answer that says everything that is wrong with it.</returns>
    public static (PolicyDocument? Document, ProblemHttpResult? Problem) Read(JsonElement? document, string? text)
    {
        if ((document is null) == (text is null))
        {
            return (null, Problems.Invalid("document", "Either document or text must be there, and not both."));
        }

        var (policy, errors) = text is not null ? PolicyParser.Parse(text) : PolicyParser.Parse(document!.Value);
        return policy is not null
            ? (policy, null)
            : (null, Problems.Invalid(errors.GroupBy(error => error.Path, StringComparer.Ordinal).ToDictionary(
                field => field.Key.Length == 0 ? "document" : field.Key, field => field.Select(error => error.Message).ToArray(),
                StringComparer.Ordinal)));
    }

    /// <summary>The canonical form.</summary>
    public static JsonElement ToJson(PolicyDocument policy)
    {
        using var canonical = JsonDocument.Parse(CanonicalForm.ToJson(policy));
        return canonical.RootElement.Clone();
    }
}
