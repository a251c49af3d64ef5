using System.Data.Common;
using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;

using EnvPlatform.ServiceDefaults.Refusals;

using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.DependencyInjection;

namespace EnvPlatform.ServiceDefaults;

/// <summary>
/// Every error is a problem document (RFC 9457) with <c>trace_id</c>; invalid input is 400 with <c>errors</c> by field. What was not
/// expected is 500 without inner text; a database that cannot be reached is 503. The codes are listed in <c>docs/problems.md</c>.
/// </summary>
public static partial class Problems
{
    private const string TypePrefix = "urn:envplatform:problem:";

    public static ProblemHttpResult Invalid(string field, string message) =>
        Invalid(new Dictionary<string, string[]> { [field] = [message] });

    public static ProblemHttpResult Invalid(IDictionary<string, string[]> errors) =>
        TypedResults.Problem(new HttpValidationProblemDetails(errors)
        {
            Status = StatusCodes.Status400BadRequest,
            Title = "The request is not valid.",
            Type = TypePrefix + "invalid_request",
        });

    /// <summary>409: the request conflicts with the current state. <paramref name="code"/> is for programs.</summary>
    public static ProblemHttpResult Conflict(string code, string detail, params (string Name, object? Value)[] more) =>
        Of(StatusCodes.Status409Conflict, code, "The request conflicts with what is there.", detail, more);

    /// <summary>404: there is no such resource, or it belongs to another organization.</summary>
    public static ProblemHttpResult NotFound(string detail = "There is no such thing here.") =>
        Of(StatusCodes.Status404NotFound, "not_found", "Not found.", detail);

    /// <param name="more">Further members of the document, for programs; their names in snake_case.</param>
    public static ProblemHttpResult Of(int status, string code, string title, string detail, params (string Name, object? Value)[] more) =>
        TypedResults.Problem(
            detail, statusCode: status, title: title, type: TypePrefix + code,
            extensions: [new("code", code), .. more.Select(member => KeyValuePair.Create(member.Name, member.Value))]);

    internal static void AddProblems(this IServiceCollection services)
    {
        services.AddProblemDetails(options => options.CustomizeProblemDetails = Customize);
        // Behind the framework's, which comes first.
        services.AddSingleton<IProblemDetailsWriter, Writer>();
        services.Configure<RouteHandlerOptions>(options => options.ThrowOnBadRequest = true);
    }

    public static void UseProblems(this WebApplication app)
    {
        ArgumentNullException.ThrowIfNull(app);
        app.UseExceptionHandler(new ExceptionHandlerOptions
        {
            StatusCodeSelector = exception => exception switch
            {
                BadHttpRequestException bad => bad.StatusCode,
                DbException database when IsAway(database) => StatusCodes.Status503ServiceUnavailable,
                _ => StatusCodes.Status500InternalServerError,
            },
            SuppressDiagnosticsCallback = context => context.Exception is BadHttpRequestException or OperationCanceledException,
        });
        app.UseStatusCodePages();
        app.Use((http, next) =>
        {
            // No path or query of ours does; PostgreSQL could not hold U+0000.
            var query = http.Request.QueryString.Value!;
            if (PlainText.HoldsControl(http.Request.Path.Value!))
            {
                throw new InvalidInputException("path", "Holds a control character.");
            }

            if (query.Contains('%', StringComparison.Ordinal) && PlainText.HoldsControl(Uri.UnescapeDataString(query)))
            {
                throw new InvalidInputException(WithControl(http.Request.Query) ?? "query", "Holds a control character.");
            }

            return next(http);
        });
    }

    /// <summary>The parameter that holds a control character; null where a NUL leaves no name to be trusted.</summary>
    private static string? WithControl(IQueryCollection query) =>
        query.Any(pair => $"{pair}".Contains('\0', StringComparison.Ordinal)) ? null
        : query.FirstOrDefault(pair => !PlainText.HoldsControl(pair.Key) && PlainText.HoldsControl(pair.Value.ToString())).Key;

    private static void Customize(ProblemDetailsContext context)
    {
        var problem = context.ProblemDetails;
        var exception = context.HttpContext.Features.Get<IExceptionHandlerFeature>()?.Error;
        if (exception is BadHttpRequestException bad)
        {
            problem.Status = bad.StatusCode;
            problem.Detail = null;
            if (bad.StatusCode == StatusCodes.Status400BadRequest)
            {
                var (field, message) = Explain(bad);
                problem.Title = "The request is not valid.";
                problem.Type = TypePrefix + "invalid_request";
                problem.Extensions["errors"] = new Dictionary<string, string[]> { [field] = [message] };
            }
        }
        else if (exception is DbException database && IsAway(database))
        {
            context.HttpContext.Response.Headers.RetryAfter = "1";
            problem.Title = "Not available.";
            problem.Type = TypePrefix + "service_unavailable";
            problem.Detail = "The database cannot be reached at the moment. Try again shortly.";
        }
        else if (problem is HttpValidationProblemDetails validation)
        {
            validation.Type = TypePrefix + "invalid_request";
            validation.Title = "The request is not valid.";
            validation.Errors = validation.Errors.ToDictionary(
                error => ToSnakePath(error.Key), error => error.Value, StringComparer.Ordinal);
        }
        else if (problem.Status == StatusCodes.Status400BadRequest && !problem.Extensions.ContainsKey("errors")
            && !problem.Extensions.ContainsKey("code"))
        {
            // Binding answers this way, without an exception, when the body is truncated or does not decompress.
            problem.Title = "The request is not valid.";
            problem.Type = TypePrefix + "invalid_request";
            problem.Extensions["errors"] = new Dictionary<string, string[]> { ["body"] = ["The body could not be read."] };
        }

        Complete(problem);
        problem.Extensions.Remove("traceId");
        problem.Extensions["trace_id"] = Activity.Current?.TraceId.ToString() ?? context.HttpContext.TraceIdentifier;
        context.HttpContext.Features.Set(new AnsweredProblem(
            problem.Extensions.TryGetValue("code", out var answered) ? answered as string : null, problem.Detail));
    }

    /// <summary>
    /// Adds a code of ours and a detail to the framework's own responses. For invalid input the detail holds the first field's error, for
    /// clients that show nothing else.
    /// </summary>
    private static void Complete(ProblemDetails problem)
    {
        var (code, detail) = problem.Status switch
        {
            StatusCodes.Status400BadRequest => ("invalid_request", FirstError(problem)),
            StatusCodes.Status404NotFound => ("not_found", "There is no such operation."),
            StatusCodes.Status405MethodNotAllowed => ("method_not_allowed", "The operation does not know this method."),
            StatusCodes.Status413PayloadTooLarge => ("too_large", "The request is larger than allowed."),
            StatusCodes.Status415UnsupportedMediaType => ("unsupported_media_type", "The body must be application/json."),
            >= StatusCodes.Status500InternalServerError => (null, "Something went wrong. Give the trace_id to the operator."),
            _ => (null, problem.Title),
        };
        if (code is not null && problem.Type?.StartsWith(TypePrefix, StringComparison.Ordinal) != true)
        {
            problem.Type = TypePrefix + code;
        }

        if (problem.Type?.StartsWith(TypePrefix, StringComparison.Ordinal) == true)
        {
            problem.Extensions.TryAdd("code", problem.Type[TypePrefix.Length..]);
        }

        problem.Detail ??= detail;
    }

    private static string FirstError(ProblemDetails problem)
    {
        var errors = problem is HttpValidationProblemDetails validation ? validation.Errors
            : problem.Extensions.TryGetValue("errors", out var given) ? given as IDictionary<string, string[]> : null;
        return errors?.FirstOrDefault() is { Key: { } field, Value: [var message, ..] }
            ? $"{field}: {message}"
            : "The request could not be read.";
    }

    /// <summary>The field and the reason of a request that could not be bound.</summary>
    private static (string Field, string Message) Explain(BadHttpRequestException exception)
    {
        if (exception is InvalidInputException invalid)
        {
            return (invalid.Field, invalid.Message);
        }

        if (exception.InnerException is JsonException json)
        {
            // A truncated body is not the fault of the field at which it ends.
            if (json.Message.Contains("end of data", StringComparison.Ordinal))
            {
                return ("body", "The body ends before its JSON does.");
            }

            var path =
                json.Path is null or "$" ? "body" : json.Path.StartsWith("$.", StringComparison.Ordinal) ? json.Path[2..] : json.Path;
            var reason = json.Message.Contains(" Path:", StringComparison.Ordinal)
                ? json.Message[..json.Message.IndexOf(" Path:", StringComparison.Ordinal)]
                : json.Message;
            return (path, reason.Contains("EnvPlatform.", StringComparison.Ordinal) || reason.Contains("System.", StringComparison.Ordinal)
                ? "The value has the wrong type, or a member that is required is missing." : reason);
        }

        if (exception.Message.Contains(" body ", StringComparison.Ordinal)
            || exception.Message.EndsWith("from body.", StringComparison.Ordinal))
        {
            return ("body", "The body is missing or empty.");
        }

        var parameter = ParameterName().Match(exception.Message);
        return parameter.Success
            ? (JsonNamingPolicy.SnakeCaseLower.ConvertName(parameter.Groups["name"].Value), "The value has the wrong type or is missing.")
            : ("body", "The request could not be read.");
    }

    /// <summary>
    /// No connection, none left, or one that broke; or the server ends or begins to run (PostgreSQL's class 57P). The same request may
    /// succeed later.
    /// </summary>
    private static bool IsAway(DbException exception) =>
        exception.IsTransient || exception.SqlState?.StartsWith("57P", StringComparison.Ordinal) == true;

    private static string ToSnakePath(string path) =>
        string.Join('.', path.Split('.').Select(part => JsonNamingPolicy.SnakeCaseLower.ConvertName(part)));

    /// <summary>
    /// Writes a problem as JSON whatever the request accepts, as RFC 9110 section 12.4.1 allows. The framework's own writer would leave it
    /// out, and with it the status.
    /// </summary>
    private sealed class Writer : IProblemDetailsWriter
    {
        public bool CanWrite(ProblemDetailsContext context) => true;

        public ValueTask WriteAsync(ProblemDetailsContext context)
        {
            var (problem, response) = (context.ProblemDetails, context.HttpContext.Response);
            problem.Status ??= response.StatusCode;
            problem.Title ??= ReasonPhrases.GetReasonPhrase(problem.Status.Value);
            problem.Type ??= "about:blank";
            Customize(context);
            response.StatusCode = problem.Status.Value;
            return new(response.WriteAsJsonAsync(
                problem, problem.GetType(), Json.Options, "application/problem+json", context.HttpContext.RequestAborted));
        }
    }

    [GeneratedRegex("""parameter "[^"]*?(?<name>\w+)" """, RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex ParameterName();
}

/// <summary>Input that is refused during binding, before a handler runs: 400 with the field. For binding code only.</summary>
public sealed class InvalidInputException(string field, string message) : BadHttpRequestException(message, StatusCodes.Status400BadRequest)
{
    public string Field { get; } = field;
}
