using System.Text.Json;

using EnvPlatform.Policy.Documents;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http.HttpResults;

namespace EnvPlatform.Policy.Policies;

/// <summary>Validates a policy document and says in plain sentences what it says. Nothing is stored, and nothing decided.</summary>
internal static class PreviewText
{
    /// <summary>One of the two.</summary>
    /// <param name="Document">The policy as JSON.</param>
    /// <param name="Text">The policy as YAML or JSON, at most 65,536 characters.</param>
    public sealed record Request(JsonElement? Document = null, [MultiLine] string? Text = null);

    /// <param name="Sentence">What holds for all rules.</param>
    /// <param name="Document">The policy in its canonical form.</param>
    /// <param name="Yaml">The same as YAML.</param>
    public sealed record Preview(string Name, string Sentence, IReadOnlyList<RulePreview> Rules, JsonElement Document, string Yaml);

    /// <param name="Sentence">What the rule does to which environments.</param>
    public sealed record RulePreview(string Name, string Sentence);

    public static void MapPreviewText(this IEndpointRouteBuilder policies) =>
        policies.MapPost("/preview-text", Handle).RequireAuthorization(Permission.PoliciesRead).WithName(nameof(PreviewText))
            .WithSummary("Validate a policy document, and say in plain sentences what it says; nothing is stored.");

    private static Results<Ok<Preview>, ProblemHttpResult> Handle(Request request)
    {
        var (policy, problem) = PolicyText.Read(request.Document, request.Text);
        if (policy is null)
        {
            return problem!;
        }

        return TypedResults.Ok(new Preview(
            policy.Name, Sentences.Of(policy), [.. policy.Rules.Select(rule => new RulePreview(rule.Name, Sentences.Of(rule)))],
            PolicyText.ToJson(policy), CanonicalForm.ToYaml(policy)));
    }
}
