using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace EnvPlatform.Architecture.Tests;

/// <summary>
/// Where sources run SQL, and whether the text of a statement is fixed: composed of nothing but constants and whole numbers, whatever its
/// path through variables, members and parameters. Input from a caller of the API can then not become part of a statement.
/// </summary>
internal sealed class SqlText
{
    private static readonly HashSet<string> Sinks = new(StringComparer.Ordinal) { "sql", "commandText", "copyFromCommand", "cmdText" };

    private readonly CSharpCompilation _compilation;
    private readonly HashSet<string> _allowed;
    private readonly HashSet<string> _used = new(StringComparer.Ordinal);
    private readonly Dictionary<ISymbol, string?> _symbols = new(SymbolEqualityComparer.Default);
    private readonly Dictionary<SyntaxTree, SemanticModel> _models = [];
    private ILookup<ISymbol, ArgumentListSyntax>? _calls;

    /// <param name="sources">Path and text of each file.</param>
    /// <param name="allowed">Members that are assumed to be fixed although it cannot be proved: <c>Type.Member</c>.</param>
    public SqlText(IEnumerable<(string Path, string Text)> sources, IEnumerable<string> allowed)
    {
        _allowed = new(allowed, StringComparer.Ordinal);
        const string Implicit =
            "global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq; global using "
            + "System.Threading; "
            + "global using System.Threading.Tasks; global using Microsoft.AspNetCore.Builder; global using Microsoft.AspNetCore.Http; "
            + "global using Microsoft.AspNetCore.Routing; global using Microsoft.Extensions.DependencyInjection; global using "
            + "Microsoft.Extensions.Hosting; "
            + "global using Microsoft.Extensions.Logging; global using Microsoft.Extensions.Configuration;";
        var trusted = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(file => Path.GetFileName(file) is var name
                && (!name.StartsWith("EnvPlatform.", StringComparison.Ordinal) || name == "EnvPlatform.Contracts.dll"));
        var options = CSharpParseOptions.Default.WithLanguageVersion(LanguageVersion.Preview);
        _compilation = CSharpCompilation.Create(
            "sources",
            sources.Append(("Implicit.cs", Implicit)).Select(source => CSharpSyntaxTree.ParseText(source.Item2, options, source.Item1)),
            trusted.Select(file => MetadataReference.CreateFromFile(file)),
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: NullableContextOptions.Enable));
    }

    /// <summary>The number of places that run a statement.</summary>
    public int Statements { get; private set; }

    /// <summary>Allowed members that are not needed.</summary>
    public IEnumerable<string> Unused => _allowed.Except(_used);

    /// <summary>File, line and reason of every statement whose text is not fixed.</summary>
    public IReadOnlyList<string> NotFixed()
    {
        var found = new List<string>();
        foreach (var tree in _compilation.SyntaxTrees)
        {
            var model = ModelOf(tree);
            foreach (var text in tree.GetRoot().DescendantNodes().SelectMany(node => TextsOf(node, model)))
            {
                Statements++;
                if (Why(text, model) is { } why)
                {
                    found.Add($"{tree.FilePath}:{text.GetLocation().GetLineSpan().StartLinePosition.Line + 1}: {why}");
                }
            }
        }

        return found;
    }

    private SemanticModel ModelOf(SyntaxTree tree) =>
        _models.TryGetValue(tree, out var model) ? model : _models[tree] = _compilation.GetSemanticModel(tree);

    private static IEnumerable<ExpressionSyntax> TextsOf(SyntaxNode node, SemanticModel model)
    {
        if (node
            is AssignmentExpressionSyntax { Left: MemberAccessExpressionSyntax { Name.Identifier.Text: "CommandText" }, Right: var right })
        {
            return [right];
        }

        var arguments = node switch
        {
            InvocationExpressionSyntax invocation => invocation.ArgumentList,
            BaseObjectCreationExpressionSyntax creation => creation.ArgumentList,
            _ => null,
        };
        return arguments is null ? [] : arguments.Arguments
            .Where(argument => ParameterOf(argument, arguments, node, model) is { } parameter && Sinks.Contains(parameter.Name)
                && IsOfDatabase(parameter))
            .Select(argument => argument.Expression);
    }

    private static bool IsOfDatabase(IParameterSymbol parameter)
    {
        var space = parameter.ContainingSymbol.ContainingNamespace.ToDisplayString();
        return parameter.Type.SpecialType == SpecialType.System_String
            && (space.StartsWith("EnvPlatform", StringComparison.Ordinal) || space.StartsWith("Dapper", StringComparison.Ordinal)
                || space.StartsWith("Npgsql", StringComparison.Ordinal));
    }

    private static IParameterSymbol? ParameterOf(
        ArgumentSyntax argument, ArgumentListSyntax arguments, SyntaxNode call, SemanticModel model)
    {
        var info = model.GetSymbolInfo(call);
        if ((info.Symbol ?? info.CandidateSymbols.FirstOrDefault()) is not IMethodSymbol method)
        {
            return null;
        }

        if (argument.NameColon is { } named)
        {
            return method.Parameters.FirstOrDefault(parameter => parameter.Name == named.Name.Identifier.Text);
        }

        var index = arguments.Arguments.IndexOf(argument);
        return index < method.Parameters.Length ? method.Parameters[index] : null;
    }

    /// <summary>Null for a fixed text; otherwise the part that is not.</summary>
    private string? Why(ExpressionSyntax expression, SemanticModel model)
    {
        if (model.GetConstantValue(expression).HasValue)
        {
            return null;
        }

        return expression switch
        {
            ParenthesizedExpressionSyntax inner => Why(inner.Expression, model),
            PostfixUnaryExpressionSyntax { OperatorToken.Text: "!" } certain => Why(certain.Operand, model),
            BinaryExpressionSyntax { OperatorToken.Text: "+" or "??" } pair => Why(pair.Left, model) ?? Why(pair.Right, model),
            ConditionalExpressionSyntax choice => Why(choice.WhenTrue, model) ?? Why(choice.WhenFalse, model),
            SwitchExpressionSyntax choice =>
                First(choice.Arms, arm => arm.Expression is ThrowExpressionSyntax ? null : Why(arm.Expression, model)),
            InterpolatedStringExpressionSyntax text =>
                First(text.Contents.OfType<InterpolationSyntax>(), hole => Why(hole.Expression, model)),
            ElementAccessExpressionSyntax part => Why(part.Expression, model),
            InvocationExpressionSyntax { Expression: MemberAccessExpressionSyntax { Name.Identifier.Text: "Split" } split } =>
                Why(split.Expression, model),
            _ when IsNumber(model.GetTypeInfo(expression).Type) => null,
            CollectionExpressionSyntax list => First(list.Elements, element => Why(
                element is SpreadElementSyntax spread ? spread.Expression : ((ExpressionElementSyntax)element).Expression, model)),
            ArrayCreationExpressionSyntax { Initializer: { } list } => First(list.Expressions, element => Why(element, model)),
            ImplicitArrayCreationExpressionSyntax { Initializer: var list } => First(list.Expressions, element => Why(element, model)),
            InvocationExpressionSyntax
            {
                Expression: MemberAccessExpressionSyntax { Name.Identifier.Text: "Join", Expression: PredefinedTypeSyntax }
            } join =>
                First(join.ArgumentList.Arguments, argument => Why(argument.Expression, model)),
            InvocationExpressionSyntax
            {
                Expression: MemberAccessExpressionSyntax { Name.Identifier.Text: "Select" } select,
                ArgumentList.Arguments: [{ Expression: SimpleLambdaExpressionSyntax { ExpressionBody: { } body } lambda }]
            } =>
                WhySelected(select.Expression, lambda.Parameter, body, model),
            _ => WhySymbol(model.GetSymbolInfo(expression).Symbol, expression),
        };
    }

    private static string? First<T>(IEnumerable<T> parts, Func<T, string?> why) =>
        parts.Select(why).FirstOrDefault(found => found is not null);

    /// <summary>The results of a selection over texts are fixed when the texts and the result for one of them are.</summary>
    private string? WhySelected(ExpressionSyntax from, ParameterSyntax item, ExpressionSyntax body, SemanticModel model)
    {
        _symbols[model.GetDeclaredSymbol(item)!] = Why(from, model);
        return Why(body, model);
    }

    private static bool IsNumber(ITypeSymbol? type) => type?.SpecialType is SpecialType.System_Int32 or SpecialType.System_Int64;

    private string? WhySymbol(ISymbol? symbol, ExpressionSyntax expression)
    {
        if (symbol is null)
        {
            return $"{expression} is not known";
        }

        symbol = symbol.OriginalDefinition;
        var name = $"{symbol.ContainingType?.Name}.{symbol.Name}";
        if (symbol is not (ILocalSymbol or IParameterSymbol) && _allowed.Contains(name))
        {
            _used.Add(name);
            return null;
        }

        if (_symbols.TryGetValue(symbol, out var known))
        {
            return known;
        }

        // A reference to itself adds nothing.
        _symbols[symbol] = null;
        return _symbols[symbol] = symbol switch
        {
            IParameterSymbol parameter when Sinks.Contains(parameter.Name) => null,
            IParameterSymbol parameter => WhyParameter(parameter),
            _ when symbol.DeclaringSyntaxReferences.IsEmpty => $"{expression} is not of ours",
            _ => First(symbol.DeclaringSyntaxReferences, reference => WhyDeclared(reference.GetSyntax(), symbol, name)),
        };
    }

    private string? WhyDeclared(SyntaxNode declared, ISymbol symbol, string name)
    {
        var model = ModelOf(declared.SyntaxTree);
        var values = declared switch
        {
            VariableDeclaratorSyntax variable => Assigned(variable, symbol, model),
            SingleVariableDesignationSyntax
            {
                Parent: ParenthesizedVariableDesignationSyntax { Parent.Parent: AssignmentExpressionSyntax taken } all
            } one =>
                Parts(taken.Right, all.Variables.IndexOf(one)),
            PropertyDeclarationSyntax { ExpressionBody.Expression: var body } => [body],
            PropertyDeclarationSyntax { Initializer.Value: var value, AccessorList: { } accessors }
                when !accessors.Accessors.Any(SyntaxKind.SetAccessorDeclaration) => [value],
            PropertyDeclarationSyntax property => Returned(property),
            MethodDeclarationSyntax { ExpressionBody.Expression: var body } => [body],
            LocalFunctionStatementSyntax { ExpressionBody.Expression: var body } => [body],
            MethodDeclarationSyntax or LocalFunctionStatementSyntax => Returned(declared),
            _ => [],
        };
        return values.Length == 0 ? $"{name} cannot be followed" : First(values, value => Why(value, model));
    }

    /// <summary>The possible values of a part of a tuple; none where they cannot be determined.</summary>
    private static ExpressionSyntax[] Parts(ExpressionSyntax tuple, int index) => tuple switch
    {
        ParenthesizedExpressionSyntax inner => Parts(inner.Expression, index),
        TupleExpressionSyntax known => [known.Arguments[index].Expression],
        ConditionalExpressionSyntax choice when Parts(choice.WhenTrue, index) is [_, ..] some
            && Parts(choice.WhenFalse, index) is [_, ..] others => [.. some, .. others],
        _ => [],
    };

    private static ExpressionSyntax[] Returned(SyntaxNode declared) =>
        [.. declared.DescendantNodes(node => node == declared || node is not (LocalFunctionStatementSyntax or LambdaExpressionSyntax))
            .OfType<ReturnStatementSyntax>().Select(statement => statement.Expression).OfType<ExpressionSyntax>()];

    /// <summary>Everything that a variable or field is ever set to.</summary>
    private static ExpressionSyntax[] Assigned(VariableDeclaratorSyntax variable, ISymbol symbol, SemanticModel model)
    {
        var scope = symbol is ILocalSymbol
            ? variable.FirstAncestorOrSelf<MemberDeclarationSyntax>()!
            : (SyntaxNode)variable.FirstAncestorOrSelf<TypeDeclarationSyntax>()!;
        var later = scope.DescendantNodes().OfType<AssignmentExpressionSyntax>()
            .Where(assignment => SymbolEqualityComparer.Default.Equals(model.GetSymbolInfo(assignment.Left).Symbol, symbol))
            .Select(assignment => assignment.Right);
        return [.. (variable.Initializer is { } initializer ? new[] { initializer.Value } : []).Concat(later)];
    }

    /// <summary>A parameter is fixed when every call passes a fixed text.</summary>
    private string? WhyParameter(IParameterSymbol parameter)
    {
        _calls ??= Calls();
        var calls = _calls[parameter.ContainingSymbol.OriginalDefinition].ToArray();
        if (calls.Length == 0)
        {
            return $"no call gives {parameter.Name} of {parameter.ContainingSymbol.Name}";
        }

        return First(calls, arguments => WhyGiven(parameter, arguments));
    }

    private string? WhyGiven(IParameterSymbol parameter, ArgumentListSyntax arguments)
    {
        var model = ModelOf(arguments.SyntaxTree);
        foreach (var argument in arguments.Arguments)
        {
            if (ParameterOf(argument, arguments, arguments.Parent!, model)?.OriginalDefinition is { } given
                && (given.Name == parameter.Name))
            {
                return Why(argument.Expression, model) is { } why ? $"{parameter.Name}: {why}" : null;
            }
        }

        return parameter.HasExplicitDefaultValue ? null : $"a call of {parameter.ContainingSymbol.Name} gives no {parameter.Name}";
    }

    private ILookup<ISymbol, ArgumentListSyntax> Calls() =>
        (from tree in _compilation.SyntaxTrees
         let model = ModelOf(tree)
         from node in tree.GetRoot().DescendantNodes()
         let arguments = node is InvocationExpressionSyntax invocation
             ? invocation.ArgumentList
             : (node as BaseObjectCreationExpressionSyntax)?.ArgumentList
         where arguments is not null
         let info = model.GetSymbolInfo(node)
         let method = (info.Symbol ?? info.CandidateSymbols.FirstOrDefault()) as IMethodSymbol
         where method is not null
         select (Method: (ISymbol)(method.ReducedFrom ?? method).OriginalDefinition, arguments))
        .ToLookup(call => call.Method, call => call.arguments, SymbolEqualityComparer.Default);
}
